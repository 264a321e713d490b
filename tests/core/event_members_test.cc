// SPDX-License-Identifier: LGPL-2.1-or-later
// The members of events and of query-block-jobs are those that man/dmjob-qmp.7 prints.
#include <algorithm>

#include "tests/core/daemon_fixture.h"
#include "tests/support/man_page.h"

namespace dmjob::test {
namespace {

using core::Job;
using core::OnError;
using ::testing::UnorderedElementsAreArray;

using Names = std::vector<std::string>;

class PrintedMembers : public DaemonTest {
 protected:
  static Names of(const nlohmann::json& object) {
    Names names;
    for (const auto& [name, value] : object.items()) names.push_back(name);
    return names;
  }
  static Names printed(const std::string& event) {
    const auto items = page().items("EVENTS");
    const auto item = std::ranges::find(items, "Sy " + event, &ManItem::head);
    if (item == items.end()) throw std::out_of_range(event + " is not on the page");
    return names(item->items, "Va");
  }
  static const ManPage& page() {
    static const ManPage page("dmjob-qmp.7");
    return page;
  }
  void expect_as_printed(const std::string& name) {
    EXPECT_THAT(of(event(name)), UnorderedElementsAreArray(printed(name)));
  }
};

TEST_F(PrintedMembers, OfAChangeOfStatus) {
  start();
  expect_as_printed("JOB_STATUS_CHANGE");
}

TEST_F(PrintedMembers, OfReady) {
  be_ready();
  expect_as_printed("BLOCK_JOB_READY");
}

TEST_F(PrintedMembers, OfPending) {
  be_pending();
  expect_as_printed("BLOCK_JOB_PENDING");
}

TEST_F(PrintedMembers, OfAnIoError) {
  be_ready();
  job->io_error(OnError::kIgnore, false, std::make_error_code(std::errc::io_error));
  expect_as_printed("BLOCK_JOB_ERROR");
}

TEST_F(PrintedMembers, OfAFailure) {
  toy->run_error = "disk on fire";
  start();
  expect_as_printed("BLOCK_JOB_COMPLETED");
}

TEST_F(PrintedMembers, OfACancel) {
  start();
  ask([](Job& j) { j.cancel(true); });
  expect_as_printed("BLOCK_JOB_CANCELLED");
}

TEST_F(PrintedMembers, OfAJobThatIsStalled) {
  be_pending();
  toy->hold_prepare = true;
  ask([](Job& j) { j.finalize(); });
  write_error = "disk full";
  change([](Toy& t) { t.hold_prepare = false; });
  expect_as_printed("JOB_STALLED");
}

TEST_F(PrintedMembers, OfAJobInAQuery) {
  toy->run_error = "disk on fire";
  make({.id = "j", .auto_dismiss = false}, std::make_shared<core::Transaction>("t"));
  job->start();
  settle();
  Names expected = names(page().items("Of any job"), "Va");
  expected.emplace_back("phase");                  // the toy's own
  EXPECT_EQ(std::erase(expected, "put-off"), 1U);  // only while it has not failed
  EXPECT_THAT(of(job->query_block_job()), UnorderedElementsAreArray(expected));
}

}  // namespace
}  // namespace dmjob::test

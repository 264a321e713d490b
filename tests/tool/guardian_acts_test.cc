// SPDX-License-Identifier: LGPL-2.1-or-later
// What the guardian does itself when there is no process to be had.
#include "tool/dmjobd/guardian_acts.h"

#include <gmock/gmock.h>
#include <sys/sysmacros.h>

#include <utility>

#include "dm/targets.h"
#include "tests/support/fake_control.h"

namespace dmjob::daemon {
namespace {

using testing::Contains;
using testing::IsEmpty;

// The one kernel of all.
class Passed : public dm::Control {
 public:
  explicit Passed(dm::FakeControl& to) : to_(to) {}
  dev_t create(const dm::NewDevice& device) override { return to_.create(device); }
  void load(const std::string& name, const dm::Table& table) override { to_.load(name, table); }
  void clear(const std::string& name) override { to_.clear(name); }
  void suspend(const std::string& name, dm::SuspendMode mode) override { to_.suspend(name, mode); }
  void resume(const std::string& name) override { to_.resume(name); }
  void remove(const std::string& name) override { to_.remove(name); }
  std::optional<dm::Device> find(const std::string& name) override { return to_.find(name); }
  std::optional<dm::Device> find_by_uuid(const std::string& uuid) override {
    return to_.find_by_uuid(uuid);
  }
  std::vector<dm::Device> list() override { return to_.list(); }
  dm::Table table(const std::string& name) override { return to_.table(name); }
  dm::Table inactive_table(const std::string& name) override { return to_.inactive_table(name); }
  std::vector<dm::StatusLine> status(const std::string& name) override { return to_.status(name); }
  std::vector<dev_t> deps(const std::string& name) override { return to_.deps(name); }
  std::optional<bool> write_back(dev_t dev) override { return to_.write_back(dev); }
  std::vector<dm::Holder> holders(dev_t dev) override { return to_.holders(dev); }
  std::vector<dev_t> mounted() override { return to_.mounted(); }
  std::optional<std::uint64_t> writes_ended(dev_t dev) override { return to_.writes_ended(dev); }
  std::vector<std::string> targets() override { return to_.targets(); }
  std::optional<std::string> target_version(const std::string& target) override {
    return to_.target_version(target);
  }

 private:
  dm::FakeControl& to_;
};

class GuardianActsTest : public testing::Test {
 protected:
  GuardianActsTest() {
    kernel.add_device("wr", tracker_);
    kernel.add_device("vol", old_);
  }
  void fail_base(const char* log = "A") {
    kernel.set_status("wr", std::string("2 8:0 8:16 63/64 1 DD 3 disk 8:32 ") + log);
  }

  const dm::Table old_ = dm::linear_table(8192, makedev(8, 0));
  const dm::Table new_ = dm::linear_table(8192, makedev(8, 16));
  const dm::Table tracker_ =
      dm::tracker_table(8192, makedev(8, 32), 128, makedev(8, 0), makedev(8, 16));
  dm::FakeControl kernel;
  GuardianActs acts{[this] { return std::make_unique<Passed>(kernel); },
                    [] {
                      errno = EAGAIN;
                      return pid_t(-1);
                    },
                    -1};
};

TEST_F(GuardianActsTest, ResumesWithTheTableThatTheLedgerSays) {
  for (const bool new_table : {false, true}) {
    kernel.set_table("vol", old_);
    kernel.set_inactive_table("vol", new_);
    kernel.set_suspended("vol", true);
    acts.resume("vol", new_table ? dm::Droppable::none() : dm::Droppable::any());
    EXPECT_FALSE(kernel.suspended("vol"));
    EXPECT_EQ(kernel.table("vol"), new_table ? new_ : old_);
  }
}

TEST_F(GuardianActsTest, DropsNoTableOfSomebodyElses) {
  const dm::Table theirs = dm::linear_table(8192, makedev(8, 32));
  for (const dm::Table& loaded : {new_, theirs}) {
    kernel.set_table("vol", old_);
    kernel.set_inactive_table("vol", loaded);
    kernel.set_suspended("vol", true);
    acts.resume("vol", dm::Droppable::only(new_));
    EXPECT_FALSE(kernel.suspended("vol"));
    EXPECT_EQ(kernel.table("vol"), loaded == new_ ? old_ : theirs);
  }
}

TEST_F(GuardianActsTest, TriesAgain) {
  kernel.set_suspended("vol", true);
  for (int n = 1; n <= 3; ++n) kernel.fail_call("resume", n, ENOMEM);
  acts.resume("vol", dm::Droppable::any());
  EXPECT_FALSE(kernel.suspended("vol"));
}

TEST_F(GuardianActsTest, TakesAMirrorBackToWhatIsLoaded) {
  kernel.set_table("wr",
                   dm::mirror_table(8192, makedev(8, 32), 128, makedev(8, 0), makedev(8, 64)));
  kernel.set_inactive_table("wr", tracker_);
  kernel.fail_call("suspend", 1, EINTR);
  acts.back_to_tracking("wr");
  EXPECT_EQ(kernel.table("wr"), tracker_);
}

TEST_F(GuardianActsTest, LoadsATrackerAnewThatFailsGoodWrites) {
  acts.renew_tracker("wr");
  EXPECT_THAT(kernel.log(), IsEmpty()) << "it is well";
  fail_base();
  acts.renew_tracker("wr");
  EXPECT_THAT(kernel.log(), testing::ElementsAre("load wr", "suspend wr noflush", "resume wr"));
  EXPECT_EQ(kernel.table("wr"), tracker_);
}

TEST_F(GuardianActsTest, LeavesATrackerWhoseLogSaysThatMarksAreMissing) {
  fail_base("D");
  acts.renew_tracker("wr");
  EXPECT_THAT(kernel.log(), IsEmpty());
}

TEST_F(GuardianActsTest, LeavesAMirrorThatIsKeptEqual) {
  kernel.set_table("wr",
                   dm::mirror_table(8192, makedev(8, 32), 128, makedev(8, 0), makedev(8, 64)));
  fail_base();
  acts.renew_tracker("wr");
  EXPECT_THAT(kernel.log(), IsEmpty());
}

}  // namespace
}  // namespace dmjob::daemon

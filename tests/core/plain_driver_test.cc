// SPDX-License-Identifier: LGPL-2.1-or-later
// A driver with nothing but what every driver must have.
#include "tests/core/daemon_fixture.h"

namespace dmjob::test {
namespace {

class PlainDriver : public core::Driver {
 public:
  std::string_view type() const override { return "plain"; }
  boost::asio::awaitable<void> run(core::Job& job) override {
    while (!job.must_return()) {
      co_await job.pause_point();
      co_await job.wait_kick(std::chrono::hours(1));
      if (!job.pause_requested()) co_return;
    }
  }
};

class PlainDriverTest : public DaemonTest {
 protected:
  PlainDriverTest() {
    job = core::Job::create(daemon->host, {.id = "j", .speed = 7}, std::make_unique<PlainDriver>());
    daemon->registry.add(job);
    job->start();
    settle();
  }
};

TEST_F(PlainDriverTest, succeeds) {
  ask([](core::Job& j) { j.kick(); });
  EXPECT_EQ(story(), "created running waiting pending COMPLETED concluded null");
}

TEST_F(PlainDriverTest, is_paused_and_resumed) {
  ask([](core::Job& j) { j.pause(); });
  EXPECT_EQ(status(), "paused");
  ask([](core::Job& j) { j.resume(); });
  EXPECT_EQ(story(), "created running paused running waiting pending COMPLETED concluded null");
}

TEST_F(PlainDriverTest, is_cancelled) {
  ask([](core::Job& j) { j.cancel(false); });
  EXPECT_EQ(story(), "created running aborting CANCELLED concluded null");
}

TEST_F(PlainDriverTest, takes_no_complete_and_has_nothing_to_record) {
  EXPECT_NE(error_of([this] { job->complete(); }), "");
  EXPECT_EQ(job->record()["driver"], nlohmann::json::object());
  EXPECT_EQ(job->query_block_job()["speed"], 7);
}

}  // namespace
}  // namespace dmjob::test

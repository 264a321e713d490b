// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/base/watch_loop.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/support/fake_ledger.h"
#include "tests/support/test_environment.h"

namespace dmjob::drivers {
namespace {

using boost::asio::awaitable;
using Wait = std::optional<core::Duration>;

constexpr core::Duration kLong = std::chrono::hours(1);

class WatchLoopTest : public testing::Test {
 protected:
  void start() {
    loop_.start([this] { return poll(); });
    reactor_.settle();
  }
  awaitable<Wait> poll() {
    ++polls_;
    if (fails_) throw std::runtime_error("no memory");
    co_return next_;
  }
  awaitable<void> stop() {
    co_await loop_.stop();
    stopped_ = true;
  }
  bool stops() {
    reactor_.begin(stop());
    reactor_.settle();
    return stopped_;
  }

  dm::FakeControl kernel_;
  dm::FakeLedger ledger_{kernel_};
  test::TestEnvironment world_{kernel_, ledger_};
  test::Reactor& reactor_ = world_.reactor;
  WatchLoop loop_{world_.environment};
  Wait next_ = kLong;
  bool fails_ = false;
  int polls_ = 0;
  bool stopped_ = false;
};

TEST_F(WatchLoopTest, PollsAtOnceAndAfterEachEvent) {
  start();
  EXPECT_EQ(polls_, 1);
  world_.dm_events.notify();
  reactor_.settle();
  EXPECT_EQ(polls_, 2);
  EXPECT_TRUE(stops());
}

TEST_F(WatchLoopTest, EndsWhereThePollSaysSo) {
  next_.reset();
  start();
  world_.dm_events.notify();
  reactor_.settle();
  EXPECT_EQ(polls_, 1);
  EXPECT_TRUE(stops());
}

TEST_F(WatchLoopTest, StopsWithoutAStart) { EXPECT_TRUE(stops()); }

TEST_F(WatchLoopTest, IsNotWaitedForOnceAPollHasFailed) {
  fails_ = true;
  start();
  EXPECT_TRUE(stops());
}

TEST_F(WatchLoopTest, WaitsForWhatWasBegunBeside) {
  core::Signal go_on(reactor_.executor());
  auto work = [&]() -> awaitable<void> { co_await go_on.wait(); };
  start();
  loop_.spawn(work());
  reactor_.settle();
  EXPECT_FALSE(stops());
  go_on.notify();
  reactor_.settle();
  EXPECT_TRUE(stopped_);
}

}  // namespace
}  // namespace dmjob::drivers

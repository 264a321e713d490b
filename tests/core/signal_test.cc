// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/signal.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/reactor.h"

namespace dmjob::test {
namespace {

using boost::asio::awaitable;
using core::Duration;
using core::Signal;
using std::chrono::hours;
using std::chrono::milliseconds;

struct SignalTest : ::testing::Test {
  awaitable<void> wait(Duration limit) {
    co_await signal->wait_for(limit);
    ++woken;
  }
  void begin_wait(Duration limit = Duration::max()) { reactor.begin(wait(limit)); }
  void notify() {
    signal->notify();
    reactor.settle();
  }

  int woken = 0;
  Reactor reactor;
  std::unique_ptr<Signal> signal = std::make_unique<Signal>(reactor.executor());
};

TEST_F(SignalTest, NotifyWakesAllThatWait) {
  begin_wait();
  begin_wait(hours(1));
  EXPECT_EQ(woken, 0);
  notify();
  EXPECT_EQ(woken, 2);
}

TEST_F(SignalTest, NotifyIsNotRemembered) {
  notify();
  begin_wait();
  EXPECT_EQ(woken, 0);
}

TEST_F(SignalTest, AWaitEndsAtItsLimit) {
  begin_wait();
  begin_wait(milliseconds(2));
  reactor.run_until([&] { return woken > 0; });
  EXPECT_EQ(woken, 1);
}

TEST_F(SignalTest, ALimitThatIsOverReturnsAtOnce) {
  begin_wait(Duration::zero());
  reactor.run_until([&] { return woken == 1; });
}

TEST_F(SignalTest, MayGoBeforeACoroutineThatStillWaits) {
  begin_wait();
  signal.reset();
  reactor.settle();
  EXPECT_EQ(woken, 0);
}

}  // namespace
}  // namespace dmjob::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/volume_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "libjob/core/error.h"
#include "tests/support/fake_clock.h"
#include "tests/support/reactor.h"

namespace dmjob::test {
namespace {

using boost::asio::awaitable;
using core::Duration;
using core::VolumeLocks;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct VolumeLockTest : ::testing::Test {
  awaitable<void> take(std::string volume, std::string operation, Duration limit) {
    try {
      VolumeLocks::Hold hold = co_await locks.acquire(volume, operation, limit);
      order += operation + " ";
      holds.emplace(operation, std::move(hold));
    } catch (const core::Error& thrown) {
      error = thrown.what();
    }
  }
  void ask(std::string volume, std::string operation, Duration limit = seconds(60)) {
    reactor.begin(take(std::move(volume), std::move(operation), limit));
  }
  void release(const std::string& operation) {
    holds.erase(operation);
    reactor.settle();
  }

  FakeClock clock;
  Reactor reactor;
  VolumeLocks locks{reactor.executor(), clock};
  std::map<std::string, VolumeLocks::Hold> holds;
  std::string order;
  std::string error;
};

TEST_F(VolumeLockTest, AFreeSlotIsTakenAtOnce) {
  ask("vol", "pivot");
  EXPECT_EQ(order, "pivot ");
}

TEST_F(VolumeLockTest, OtherVolumesAreNotConcerned) {
  ask("vol", "a");
  ask("other", "b");
  EXPECT_EQ(order, "a b ");
}

TEST_F(VolumeLockTest, WaitersComeInTheirOrder) {
  ask("vol", "a");
  ask("vol", "b");
  ask("vol", "c");
  EXPECT_EQ(order, "a ");
  release("a");
  EXPECT_EQ(order, "a b ");
  release("b");
  EXPECT_EQ(order, "a b c ");
}

TEST_F(VolumeLockTest, NobodyComesInBetween) {
  ask("vol", "a");
  ask("vol", "b");
  holds.clear();  // b has it now, but has not run yet
  ask("vol", "c");
  EXPECT_EQ(order, "a b ");
}

TEST_F(VolumeLockTest, ATimeOutNamesTheHolderAndItsTime) {
  ask("vol", "pivot of job 'j1'");
  clock.advance(seconds(12));
  ask("vol", "detach", milliseconds(2));
  reactor.run_until([&] { return !error.empty(); });
  EXPECT_THAT(error, ::testing::HasSubstr("'vol' is busy with the pivot of job 'j1' for 12 s"));
}

TEST_F(VolumeLockTest, WhoTimedOutIsPassedOver) {
  ask("vol", "a");
  ask("vol", "b", milliseconds(2));
  ask("vol", "c");
  reactor.run_until([&] { return !error.empty(); });
  release("a");
  EXPECT_EQ(order, "a c ");
}

TEST_F(VolumeLockTest, ALimitOfZeroAsksWithoutWaiting) {
  ask("vol", "a");
  ask("vol", "b", Duration::zero());
  EXPECT_NE(error, "");
}

TEST(VolumeLockEnd, AHoldMayOutliveTheLocks) {
  FakeClock clock;
  Reactor reactor;
  std::optional<VolumeLocks::Hold> kept;
  VolumeLocks locks(reactor.executor(), clock);
  const auto take = [](VolumeLocks& from, auto& into) -> awaitable<void> {
    auto hold = co_await from.acquire("vol", "a", seconds(1));
    into.emplace(std::move(hold));
  };
  reactor.run(take(locks, kept));
}

}  // namespace
}  // namespace dmjob::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/suspend_guard.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <memory>
#include <system_error>

#include "dm/targets.h"
#include "tests/support/fake_ledger.h"

namespace dmjob::dm {
namespace {

using Log = std::vector<std::string>;

class SuspendGuardTest : public testing::Test {
 protected:
  SuspendGuardTest() {
    kernel_.add_device("vol", old_);
    kernel_.set_inactive_table("vol", new_);
  }

  SuspendGuard suspend(OnDeath on_death = OnDeath::kOldTable) {
    return SuspendGuard(kernel_, ledger_, "vol", SuspendMode::kFlush, on_death);
  }

  void expect_running_with(const Table& table) {
    EXPECT_EQ(kernel_.table("vol"), table);
    EXPECT_FALSE(kernel_.suspended("vol"));
    EXPECT_FALSE(kernel_.find("vol")->inactive_table);
    EXPECT_TRUE(ledger_.empty());
  }

  const Table old_ = linear_table(8, makedev(8, 0));
  const Table new_ = linear_table(8, makedev(8, 16));
  FakeControl kernel_;
  FakeLedger ledger_{kernel_};
};

TEST_F(SuspendGuardTest, ResumesWithTheNewTable) {
  {
    auto guard = suspend();
    EXPECT_TRUE(kernel_.suspended("vol"));
    guard.resume();
  }
  expect_running_with(new_);
  EXPECT_EQ(kernel_.log(), (Log{"note vol old", "suspend vol flush", "resume vol", "done vol"}));
}

// As by a status that is parsed. The heap is used up before, so that it would have to grow.
TEST_F(SuspendGuardTest, WhatIsAllocatedWithinIsThereBefore) {
  constexpr std::size_t kBytes = 32 << 10;
  std::vector<std::unique_ptr<char[]>> used;
  while (mallinfo2().keepcost > kBytes) used.push_back(std::make_unique<char[]>(kBytes));
  auto guard = suspend();
  void* const end = sbrk(0);
  const auto within = std::make_unique<char[]>(kBytes);
  EXPECT_EQ(sbrk(0), end);
  guard.resume();
}

TEST_F(SuspendGuardTest, LeftEarlyResumesWithTheOldTable) {
  {
    auto guard = suspend();
  }
  expect_running_with(old_);
  EXPECT_EQ(kernel_.log(),
            (Log{"note vol old", "suspend vol flush", "clear vol", "resume vol", "done vol"}));
}

TEST_F(SuspendGuardTest, LeftEarlyDropsNoTableOfSomebodyElses) {
  const Table theirs = linear_table(8, makedev(8, 32));
  for (const Droppable ours : {Droppable::only(new_), Droppable::none()}) {
    kernel_.set_inactive_table("vol", theirs);
    {
      SuspendGuard guard(kernel_, ledger_, "vol", SuspendMode::kFlush, OnDeath::kOldTable, ours);
      EXPECT_FALSE(ledger_.drops("vol", theirs));
    }
    expect_running_with(theirs);
  }
}

TEST_F(SuspendGuardTest, DropsTheTableThatItHasLoadedWithin) {
  {
    SuspendGuard guard(kernel_, ledger_, "vol", SuspendMode::kFlush, OnDeath::kOldTable,
                       Droppable::none());
    guard.will_load(new_);
    EXPECT_TRUE(ledger_.drops("vol", new_));
  }
  expect_running_with(old_);
}

TEST_F(SuspendGuardTest, ThatCannotSuspendLeavesNoNote) {
  kernel_.fail_call("suspend", 1, EINTR);
  EXPECT_THROW(suspend(), std::system_error);
  EXPECT_TRUE(ledger_.empty());
  EXPECT_FALSE(kernel_.suspended("vol"));
}

TEST_F(SuspendGuardTest, WhoseNewTableIsRefusedGoesOnWithTheOldOne) {
  auto guard = suspend();
  kernel_.fail_call("resume", 1, EINVAL);
  EXPECT_THROW(guard.resume(), std::system_error);
  expect_running_with(old_);
}

TEST_F(SuspendGuardTest, WhoseNewTableDoesNotStartGetsTheOldOneAgain) {
  kernel_.set_unresumable(new_);
  {
    auto guard = suspend();
    EXPECT_THROW(guard.resume(), std::system_error);
  }
  expect_running_with(old_);
}

TEST_F(SuspendGuardTest, WhoseNewTableStartsAtTheSecondTryIsDone) {
  struct Moody : FakeControl {
    void resume(const std::string& name) override {
      set_unresumable(table_that_needs_two);
      if (tries++ > 0) heal();
      FakeControl::resume(name);
    }
    Table table_that_needs_two;
    int tries = 0;
  } moody;
  moody.table_that_needs_two = new_;
  moody.add_device("vol", old_);
  moody.set_inactive_table("vol", new_);
  SuspendGuard guard(moody, ledger_, "vol", SuspendMode::kFlush, OnDeath::kOldTable);
  EXPECT_NO_THROW(guard.resume());
  EXPECT_EQ(moody.table("vol"), new_);
}

TEST_F(SuspendGuardTest, ThatCannotResumeAtFirstTriesAgain) {
  {
    auto guard = suspend();
    kernel_.fail_call("resume", 1, EINVAL);
  }
  expect_running_with(old_);
}

TEST_F(SuspendGuardTest, ThatCannotResumeAtAllStaysInTheLedger) {
  {
    auto guard = suspend();
    kernel_.fail_call("resume", 1, EINVAL);
    kernel_.fail_call("resume", 1, EINVAL);
  }
  EXPECT_TRUE(kernel_.suspended("vol"));
  EXPECT_FALSE(ledger_.empty());
}

TEST_F(SuspendGuardTest, SaysWhenTheNewTableIsTheRightOne) {
  {
    auto guard = suspend();
    guard.on_death(OnDeath::kNewTable);
    guard.resume();
    guard.on_death(OnDeath::kOldTable);  // too late, and harmless
  }
  EXPECT_EQ(kernel_.log()[2], "note vol new");
  EXPECT_TRUE(ledger_.empty());
}

// Without CAP_SYS_RESOURCE the flag can neither be set nor read, and that is told. With it, always:
// tests/kernel/dm.
TEST_F(SuspendGuardTest, MarksTheThreadForAsLongOrItIsToldThatItCannot) {
  const auto flag = [] { return prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0); };
  if (flag() < 0) {
    EXPECT_EQ(check_io_flusher(), std::errc::operation_not_permitted);
    return;
  }
  EXPECT_FALSE(check_io_flusher());
  kernel_.add_device("other", old_);
  {
    auto guard = suspend();
    {
      SuspendGuard second(kernel_, ledger_, "other", SuspendMode::kFlush, OnDeath::kOldTable);
      EXPECT_EQ(flag(), 1);
    }
    EXPECT_EQ(flag(), 1);
  }
  EXPECT_EQ(flag(), 0);
}

}  // namespace
}  // namespace dmjob::dm

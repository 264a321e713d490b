// SPDX-License-Identifier: LGPL-2.1-or-later
// A pivot in which something fails: whatever it is, the volume is where a boot will look for it.
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/drivers/copy/live_driver_fixture.h"

namespace dmjob::drivers {
namespace {

using core::Status;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class LivePivotTest : public LiveDriverTest {
 protected:
  // Until it is over, or ready again.
  void until_settled() {
    until([&] {
      const bool is_back = job->status() == Status::kReady && !job->complete_requested();
      return is_back || (!job->holds_claims() && job->idle());
    });
  }
  void expect_one_side() {
    const bool is_done = !job->holds_claims() && job->error().empty();
    EXPECT_EQ(is_done, is_on_target());
    EXPECT_EQ(!is_done, is_on_source() || job->holds_claims());
    if (!job->holds_claims()) expect_agreement();
  }
};

// --- the n-th call of the kernel fails ---

class LivePivotCallTest : public LivePivotTest, public testing::WithParamInterface<int> {
 protected:
  void pivot_with(int error) {
    be_ready();
    kernel.clear_log();
    kernel.fail_call(GetParam(), error);
    job->complete();
    until_settled();
    kernel.heal();
    EXPECT_TRUE(has_failed_call());
    expect_one_side();
    give_up();
    expect_agreement();
  }
};

TEST_P(LivePivotCallTest, FailsForGood) { pivot_with(EIO); }

TEST_P(LivePivotCallTest, FailsForNow) { pivot_with(EBUSY); }

constexpr int kCalls = 10;
INSTANTIATE_TEST_SUITE_P(Nth, LivePivotCallTest, testing::Range(1, kCalls + 1));

TEST_F(LivePivotTest, TakesAsManyCallsAsFailAbove) {
  be_ready();
  kernel.clear_log();
  job->complete();
  until_over();
  EXPECT_EQ(calls(), kCalls) << testing::PrintToString(kernel.log());
}

// --- the state file cannot be written ---

TEST_F(LivePivotTest, WithoutARevocationNothingIsDecided) {
  be_ready();
  pivots.reserve_error = "no room";
  job->complete();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("no room"));
  EXPECT_EQ(count("store decision"), 0);
  expect_agreement();
}

TEST_F(LivePivotTest, ADecisionThatCannotBeWrittenIsRevoked) {
  be_ready();
  before_store = [&] {
    if (managed()->pivot_to) throw core::Error("no room");
  };
  job->complete();
  until_over();
  EXPECT_THAT(pivots.revoked, Not(IsEmpty()));
  EXPECT_THAT(job->error(), HasSubstr("no room"));
  EXPECT_TRUE(is_on_source());
  expect_agreement();
}

TEST_F(LivePivotTest, WhatCannotBeRevokedIsHeldUntilItCan) {
  be_ready();
  pivots.revoke_error = "no room";
  before_store = [&, decided = false]() mutable {
    decided = decided || managed()->pivot_to;
    if (decided) throw core::Error("no room");
  };
  job->complete();
  until([&] { return has_event("JOB_STALLED", "reason", "no room"); });
  EXPECT_EQ(writes().segments().front().target, "mirror");
  EXPECT_FALSE(ledger.watched("dmjob-j-wr")) << "the guardian would let the writes go";
  before_store = nullptr;
  pivots.revoke_error.clear();
  until_over();
  EXPECT_EQ(job->error(), "") << "it has tried again";
  EXPECT_TRUE(is_on_target());
  expect_agreement();
}

// --- a daemon that dies in between ---

TEST_F(LivePivotTest, AfterADecisionWithoutASwitchTheNextDaemonGoesBack) {
  be_ready();
  daemon->volumes.set_pivot("vol", target.path(), io::identify_disk(target.path()));
  restart_copy();
  until([&] { return job->status() == Status::kReady; });
  job->complete();
  until_over();
  EXPECT_TRUE(is_on_target());
  expect_agreement();
}

}  // namespace
}  // namespace dmjob::drivers

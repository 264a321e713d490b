// SPDX-License-Identifier: LGPL-2.1-or-later
// What goes with the statuses. The tables themselves are compared with the manual in
// status_verb_test.cc and status_move_test.cc.
#include <gtest/gtest.h>

#include "libjob/core/status.h"

namespace dmjob::core {
namespace {

class EachStatus : public ::testing::TestWithParam<int> {
 protected:
  Status status() const { return static_cast<Status>(GetParam()); }
};

TEST_P(EachStatus, IsReadBackFromItsWord) {
  EXPECT_EQ(parse_status(to_string(status())), status());
}

INSTANTIATE_TEST_SUITE_P(Status, EachStatus, ::testing::Range(0, kStatuses));

TEST(StatusWords, UnknownWordIsNoStatus) { EXPECT_EQ(parse_status("done"), std::nullopt); }

TEST(PausedForms, AreThereAndBack) {
  EXPECT_EQ(paused_form(Status::kRunning), Status::kPaused);
  EXPECT_EQ(paused_form(Status::kReady), Status::kStandby);
  EXPECT_EQ(unpaused_form(Status::kPaused), Status::kRunning);
  EXPECT_EQ(unpaused_form(Status::kStandby), Status::kReady);
  EXPECT_EQ(paused_form(Status::kPending), Status::kPending);
}

TEST(Stages, FollowTheDriversCalls) {
  EXPECT_EQ(stage_of(Status::kStandby), Stage::kWork);
  EXPECT_EQ(stage_of(Status::kWaiting), Stage::kEffect);
  EXPECT_EQ(stage_of(Status::kPending), Stage::kEffect);
  EXPECT_EQ(stage_of(Status::kAborting), Stage::kAbort);
  EXPECT_EQ(stage_of(Status::kConcluded), Stage::kOver);
}

}  // namespace
}  // namespace dmjob::core

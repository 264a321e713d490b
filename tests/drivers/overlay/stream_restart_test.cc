// SPDX-License-Identifier: LGPL-2.1-or-later
// A stream whose daemon ends and comes again, and one whose target others write to.
#include <gtest/gtest.h>

#include "tests/drivers/overlay/stream_fixture.h"

namespace dmjob::drivers {
namespace {

using core::OnError;
using core::Status;
using testing::HasSubstr;

// --- a new daemon ---

TEST_F(StreamTest, TakenUpInTheCopyGoesOnFromItsCheckpoint) {
  be_stopped_half_way();
  restart_stream();
  until_status(Status::kPaused);
  job->resume();
  until_kernel(Kind::kMerging);
  EXPECT_EQ(byte_at(target, 0), std::byte{1});
  EXPECT_EQ(byte_at(target, kBytes - 4096), std::byte{7});
}

TEST_F(StreamTest, TakenUpWithoutItsCheckpointsCopiesAllAgain) {
  be_paused_in_the_copy();
  stored["job"] = job->record();
  stop_daemon();
  std::filesystem::remove(folder.path("checkpoints"));
  restart_stream();
  until_status(Status::kPaused);
  job->resume();
  until_kernel(Kind::kMerging);
  EXPECT_EQ(byte_at(target, kBytes - 4096), std::byte{1});
}

TEST_F(StreamTest, LeavesItsTargetHeldWhenTheDaemonStops) {
  be_paused_in_the_copy();
  stop_daemon();
  EXPECT_TRUE(kernel.exists("dmjob-j-tgt"));
}

TEST_F(StreamTest, TakenUpWithATargetThatOthersHaveWrittenToCopiesAllAnew) {
  be_stopped_half_way();
  be_written_to_by_others();
  restart_stream();
  until([&] { return was_copied_anew(); });
  job->resume();
  until_kernel(Kind::kMerging);
  EXPECT_EQ(byte_at(target, 0), std::byte{7});
}

TEST_F(StreamTest, TakenUpWithADecisionThatTheKernelDoesNotKnowLooksAtItsTargetAgain) {
  be_paused_in_the_copy();
  stored["job"] = job->record();
  decide_and_die();
  be_written_to_by_others();
  restart_stream();
  until([&] { return was_copied_anew(); });
  EXPECT_TRUE(is_as_before());
  job->resume();
  until_kernel(Kind::kMerging);
  EXPECT_EQ(stored_volume().device, target.path());
  EXPECT_EQ(byte_at(target, 0), std::byte{1});
}

TEST_F(StreamTest, CancelledWithADecisionThatTheKernelDoesNotKnowLeavesTheVolumeAsItWas) {
  be_paused_in_the_copy();
  stored["job"] = job->record();
  decide_and_die();
  restart_stream();
  job->cancel(true);
  until_over();
  EXPECT_TRUE(is_as_before());
}

TEST_F(StreamTest, TakenUpInTheMergeCopiesNothingMore) {
  be_merging();
  write_origin(7);
  restart_stream();
  all_is_merged();
  until_over();
  EXPECT_EQ(byte_at(target, 0), std::byte{1});
  EXPECT_TRUE(stands_alone_on_target());
}

TEST_F(StreamTest, WhatIsLeftAtTheEndIsNotThrownAwayWhenTheDaemonStops) {
  be_pending();
  fill_cow(kUsed);  // a boot has found more
  restart_stream();
  until_status(Status::kPending);
  job->finalize();
  until_phase("merging");
  stop_daemon();
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_TRUE(has_cow_file());
  EXPECT_EQ(stored_stage(), Overlay::Stage::kMerging);
}

// --- others write to its target ---

TEST_F(StreamTest, WhoseTargetNobodyWritesToIsCopiedOnce) {
  start_stream();
  until_kernel(Kind::kMerging);
  EXPECT_FALSE(was_copied_anew());
}

TEST_F(StreamTest, WhoseTargetSomebodyWritesToIsCopiedAnew) {
  be_paused_in_the_copy();
  write_to_target();
  job->resume();
  until_kernel(Kind::kMerging);
  EXPECT_TRUE(was_copied_anew());
  EXPECT_EQ(byte_at(target, 8192), std::byte{1});
}

TEST_F(StreamTest, WhoseTargetSomebodyWritesToJustBeforeTheMergeIsNotTaken) {
  plan.copy.on_target_error = OnError::kStop;
  kernel.fail_call("suspend", 1, EIO);
  start_stream();
  until_status(Status::kPaused);
  write_to_target();
  kernel.heal();
  job->resume();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("was written to by somebody else"));
  EXPECT_TRUE(is_as_before());
}

}  // namespace
}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
// A stream from begin to end: its phases, each verb and each error in them.
#include "libjob/drivers/overlay/stream_driver.h"

#include <gtest/gtest.h>

#include "tests/drivers/overlay/stream_fixture.h"

namespace dmjob::drivers {
namespace {

using core::OnError;
using core::Status;
using testing::HasSubstr;

TEST_F(StreamTest, CopiesThenMergesAndLeavesTheTargetAlone) {
  start_stream();
  until_kernel(Kind::kMerging);
  EXPECT_EQ(byte_at(target, kBytes - 4096), std::byte{1});
  EXPECT_EQ(stored_volume().device, target.path());
  EXPECT_FALSE(stored_volume().overlay->read_only);
  all_is_merged();
  until_over();
  EXPECT_EQ(job->error(), "");
  EXPECT_TRUE(stands_alone_on_target());
  EXPECT_FALSE(has_cow_file() || has_checkpoints());
  EXPECT_TRUE(has_event("VOLUME_CHANGE", "device", target.path()));
}

TEST_F(StreamTest, TheStateFileKnowsTheTargetBeforeTheKernelDoes) {
  be_paused_in_the_copy();
  job->resume();
  until_kernel(Kind::kMerging);
  EXPECT_LT(at("store merging"), at("suspend vol flush"));
}

TEST_F(StreamTest, OfAVolumeThatHoldsNothingIsDoneAtOnce) {
  plan = {};
  plan.volume = "vol";
  start_stream();
  until_over();
  EXPECT_EQ(job->error(), "");
  EXPECT_TRUE(is_as_before());
}

TEST_F(StreamTest, HasARecord) {
  plan.lock_target = false;
  plan.read_only = false;
  plan.merge_begun = true;
  const nlohmann::json record = driver()->record();
  const StreamPlan restored = StreamDriver::restore_plan(record);
  EXPECT_EQ(restored.copy, plan.copy);
  EXPECT_EQ(restored.volume, "vol");
  EXPECT_FALSE(restored.lock_target || restored.read_only);
  EXPECT_TRUE(restored.merge_begun);
}

// --- in the copy ---

TEST_F(StreamTest, PausedInTheCopyTheVolumeIsAsItWas) {
  be_paused_in_the_copy();
  EXPECT_EQ(job->query_block_job()["phase"], "copying");
  EXPECT_TRUE(is_as_before());
  EXPECT_EQ(byte_at(target, 0), std::byte{0});
}

TEST_F(StreamTest, CancelledInTheCopyLeavesTheVolumeAsItWas) {
  be_paused_in_the_copy();
  job->cancel(true);
  until_over();
  EXPECT_TRUE(is_as_before());
  EXPECT_TRUE(has_cow_file());
  EXPECT_FALSE(has_checkpoints());
}

TEST_F(StreamTest, HasTheTargetForItselfWhileItCopies) {
  be_paused_in_the_copy();
  EXPECT_EQ(kernel.table("dmjob-j-tgt"), dm::linear_table(kBytes / 512, target.dev()));
  job->cancel(true);
  until_over();
  EXPECT_FALSE(kernel.exists("dmjob-j-tgt"));
}

TEST_F(StreamTest, LeavesTheTargetToTheVolumeWhoseScratchIsInItsTail) {
  plan.lock_target = false;
  const io::DeviceLock by_the_scratch(target.path(), io::DeviceLock::Mode::kExclusive);
  kernel.add_device("dmjob-vol-vdisk", dm::linear_table(kBytes / 512, target.dev()),
                    dm::inner_uuid(volume.uuid, "vdisk"));
  kernel.set_number("dmjob-vol-vdisk", io::probe(over_target.path()).dev);
  be_paused_in_the_copy();
  EXPECT_FALSE(kernel.exists("dmjob-j-tgt"));
  job->cancel(true);
  until_over();
  EXPECT_TRUE(kernel.exists("dmjob-vol-vdisk"));
}

TEST_F(StreamTest, ToATargetWhoseTailHoldsAScratchOfAnOlderDaemonFails) {
  plan.lock_target = false;
  start_stream();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("which an older dmjobd has made: stream to another disk"));
  EXPECT_TRUE(is_as_before());
}

TEST_F(StreamTest, ToATargetThatIsInUseFails) {
  const io::DeviceLock other(target.path(), io::DeviceLock::Mode::kExclusive);
  start_stream();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr(target.path()));
  EXPECT_TRUE(is_as_before());
}

TEST_F(StreamTest, ToAnotherDiskInThePlaceOfTheTargetFails) {
  plan.copy.target_disk = {"boot 8:16 1", "wwid=other"};
  start_stream();
  until_over();
  EXPECT_EQ(job->error(),
            "another disk is in the place of " + target.path() + ": start the stream again");
  EXPECT_EQ(byte_at(target, 0), std::byte{0});
  EXPECT_TRUE(is_as_before());
}

// --- errors of the copy ---

TEST_F(StreamTest, AnOriginThatCannotBeReadFailsTheJobAndNothingElse) {
  break_origin();
  start_stream();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("source " + origin.path() + " cannot be read at byte"));
  EXPECT_TRUE(has_event("BLOCK_JOB_ERROR", "operation", "read"));
  EXPECT_TRUE(is_as_before());
}

TEST_F(StreamTest, AnOriginThatCannotBeReadStopsTheJobUntilItIsMended) {
  plan.copy.on_source_error = OnError::kStop;
  break_origin();
  start_stream();
  until_status(Status::kPaused);
  EXPECT_EQ(job->io_status(), core::IoStatus::kFailed);
  EXPECT_TRUE(is_as_before());
  mend_origin();
  job->resume();
  until_kernel(Kind::kMerging);
  EXPECT_EQ(byte_at(target, kBytes - 4096), std::byte{1});
}

TEST_F(StreamTest, WhatIsIgnoredFailsTheJobAtItsEnd) {
  plan.copy.on_source_error = OnError::kIgnore;
  break_origin();
  start_stream();
  until_over();
  EXPECT_TRUE(has_event("BLOCK_JOB_ERROR", "action", "ignore"));
  EXPECT_THAT(job->error(), HasSubstr("could not be read in every place"));
  EXPECT_EQ(byte_at(target, 0), std::byte{1});
  EXPECT_TRUE(is_as_before());
}

TEST_F(StreamTest, ATargetThatCannotBeWrittenFailsTheJobAndNothingElse) {
  for (const OnError policy : {OnError::kReport, OnError::kEnospc}) {
    plan.copy.on_target_error = policy;
    be_paused_in_the_copy();
    break_target();
    job->resume();
    until_over();
    EXPECT_THAT(job->error(), HasSubstr("target " + target.path() + " cannot be written"));
    EXPECT_TRUE(has_event("BLOCK_JOB_ERROR", "operation", "write"));
    EXPECT_TRUE(is_as_before());
    mend_target();
  }
}

TEST_F(StreamTest, ATargetThatCannotBeWrittenStopsTheJobUntilItIsMended) {
  plan.copy.on_target_error = OnError::kStop;
  be_paused_in_the_copy();
  break_target();
  job->resume();
  until([&] { return has_event("BLOCK_JOB_ERROR", "action", "stop"); });
  until_status(Status::kPaused);
  EXPECT_TRUE(is_as_before());
  mend_target();
  job->resume();
  until_kernel(Kind::kMerging);
  EXPECT_EQ(byte_at(target, kBytes - 4096), std::byte{1});
}

// --- in the merge ---

TEST_F(StreamTest, TellsThatItMerges) {
  be_merging();
  until_phase("merging");
  EXPECT_EQ(job->query_block_job()["dirty"], 0);
  EXPECT_EQ(job->query_block_job()["volume"], "vol");
}

TEST_F(StreamTest, PausedInTheMergeReallyStopsIt) {
  be_merging();
  job->pause();
  until_status(Status::kPaused);
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_EQ(stored_stage(), Overlay::Stage::kHolding);
  EXPECT_EQ(stored_volume().device, target.path());
}

TEST_F(StreamTest, CancelledInTheMergeStandsOnTheTargetAndHoldsTheRest) {
  be_merging();
  job->cancel(true);
  until_over();
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_EQ(stored_volume().device, target.path());
  EXPECT_TRUE(stored_volume().overlay->merge_begun && !stored_volume().overlay->read_only);
  EXPECT_TRUE(has_cow_file());
}

TEST_F(StreamTest, AMergeThatFailsIsTheTargetsError) {
  plan.copy.on_target_error = OnError::kStop;
  be_merging();
  kernel.set_status("vol", "Merge failed");
  until_status(Status::kPaused);
  EXPECT_TRUE(has_cow_file());
  job->resume();
  until([&] { return count("load vol") == 1; });
  all_is_merged();
  until_over();
  EXPECT_TRUE(stands_alone_on_target());
}

TEST_F(StreamTest, WhoseMergeDoesNotBeginLeavesTheVolumeOnItsOwnDisk) {
  kernel.fail_call("suspend", 1, EIO);
  start_stream();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("suspend"));
  EXPECT_TRUE(is_as_before());
}

TEST_F(StreamTest, WhoseTargetIsExchangedBeforeTheMergeDoesNotTakeTheOtherDisk) {
  const test::LoopDisk other(folder.path("other"), kBytes);
  const std::string link = folder.path("link");
  std::filesystem::create_symlink(target.path(), link);
  plan.copy.target = link;
  plan.copy.on_target_error = OnError::kStop;
  kernel.fail_call("suspend", 1, EIO);
  start_stream();
  until_status(Status::kPaused);
  std::filesystem::remove(link);
  std::filesystem::create_symlink(other.path(), link);
  kernel.heal();
  job->resume();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("cannot be shown to be the disk that the job began with"));
  EXPECT_TRUE(is_as_before());
}

TEST_F(StreamTest, HasItsTargetHeldByDmUntilTheVolumeStandsOnIt) {
  start_stream();
  until_kernel(Kind::kMerging);
  EXPECT_LT(at("create dmjob-j-tgt"), at("suspend vol flush"));
  all_is_merged();
  until_over();
  EXPECT_FALSE(kernel.exists("dmjob-j-tgt"));
  EXPECT_TRUE(stands_alone_on_target());
}

TEST_F(StreamTest, HasItsScratchDiskForItself) {
  const test::LoopDisk notes(folder.path("notes"), 16 * kMiB);
  plan.copy.scratch = {store::ScratchPlace::Kind::kDevice, notes.path(), 0};
  be_paused_in_the_copy();
  EXPECT_THROW(io::DeviceLock(notes.path(), io::DeviceLock::Mode::kExclusive), std::system_error);
}

TEST_F(StreamTest, CancelledWhileItWaitsToBeFinalizedStandsOnTheTarget) {
  be_pending();
  job->cancel(true);
  until_over();
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_EQ(stored_volume().device, target.path());
}

}  // namespace
}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
// A commit from begin to end: each verb in each phase.
#include "libjob/drivers/overlay/commit_driver.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/drivers/overlay/commit_fixture.h"

namespace dmjob::drivers {
namespace {

using core::Status;
using testing::HasSubstr;

TEST_F(CommitTest, IsReadyWhenAllIsMergedAndLeavesTheDiskAloneWhenCompleted) {
  start_commit();
  until_kernel(Kind::kMerging);
  EXPECT_EQ(job->status(), Status::kRunning);
  all_is_merged();
  until_ready();
  job->complete();
  until_over();
  EXPECT_EQ(job->error(), "");
  EXPECT_TRUE(is_disk_alone());
  EXPECT_FALSE(has_cow_file());
  EXPECT_EQ(stored_volume().overlay, std::nullopt);
  EXPECT_TRUE(has_event("VOLUME_CHANGE", "change", "merged"));
}

TEST_F(CommitTest, TheStateFileHasEachStepBeforeTheKernelTakesIt) {
  be_ready();
  EXPECT_LT(at("store merging"), at("suspend vol flush"));
  kernel.clear_log();
  job->complete();
  until_over();
  EXPECT_LT(at("store discarding"), at("load vol"));
}

TEST_F(CommitTest, TellsWhatIsLeft) {
  start_commit();
  until_phase("merging");
  const auto begun = job->progress().get();
  EXPECT_EQ(begun.len - begun.offset, (kUsed - 16) * 512);
  fill_cow(kUsed - 100);
  until([&] { return job->progress().get().offset == 100 * 512; });
}

TEST_F(CommitTest, ProgressDoesNotFallWhenTheDaemonDies) {
  start_commit();
  until_phase("merging");
  fill_cow(kUsed - 100);
  restart_commit();
  until_phase("merging");
  EXPECT_EQ(job->progress().get().offset, 100 * 512);
  EXPECT_EQ(job->progress().get().len, (kUsed - 16) * 512);
}

TEST_F(CommitTest, WithoutDeviceMapperIsNotMade) {
  daemon->environment.control = nullptr;
  EXPECT_THROW(driver(), core::Error);
}

TEST_F(CommitTest, OfAVolumeThatIsNotActiveFails) {
  end_of_power();
  start_commit();
  until_over();
  EXPECT_EQ(job->error(), "volume 'vol' is not active ('dmjob volumes' tells why)");
}

TEST_F(CommitTest, OfAVolumeWhoseTableWasReplacedFailsAlsoIfItIsBack) {
  daemon->volumes.set_replaced("vol");
  kernel.clear_log();
  start_commit();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("was replaced by somebody else"));
  EXPECT_EQ(look().kind, Kind::kHolding);
}

TEST_F(CommitTest, HasARecordThatMustBeWhole) {
  const CommitPlan plan{"vol", "/dev/sda", core::OnError::kEnospc};
  EXPECT_EQ(CommitPlan::restore(plan.record()).record(), plan.record());
  nlohmann::json damaged = plan.record();
  damaged["on-error"] = "panic";
  EXPECT_THROW(CommitPlan::restore(damaged), std::invalid_argument);
}

// --- pause ---

TEST_F(CommitTest, APauseReallyStopsTheMerge) {
  start_commit();
  until_kernel(Kind::kMerging);
  job->pause();
  until_status(Status::kPaused);
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_LT(look().boundary, length());
  EXPECT_EQ(stored_stage(), Overlay::Stage::kHolding);
  EXPECT_TRUE(stored_volume().overlay->merge_begun);
  EXPECT_EQ(job->query_block_job()["phase"], "paused");
}

TEST_F(CommitTest, AfterAPauseMergesOn) {
  start_commit();
  until_kernel(Kind::kMerging);
  job->pause();
  until_status(Status::kPaused);
  job->resume();
  until_kernel(Kind::kMerging);
  EXPECT_EQ(stored_stage(), Overlay::Stage::kMerging);
}

TEST_F(CommitTest, APauseBeforeItBeginsTouchesNothing) {
  be_paused_at_the_start();
  EXPECT_EQ(count("load vol"), 0);
  EXPECT_EQ(stored_stage(), Overlay::Stage::kHolding);
}

class CrampedCommitTest : public CommitTest {
 protected:
  CrampedCommitTest() : CommitTest(least_bytes() + kMiB) {}
};

TEST_F(CrampedCommitTest, WithoutRoomForAWriteMoreMergesUntilItCanPause) {
  start_commit();
  until_kernel(Kind::kMerging);
  fill_cow(boundary_for(least_bytes()) + 8);
  job->pause();
  until_phase("merging until there is room in the scratch for a pause");
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_EQ(job->status(), Status::kRunning);
  fill_cow(64);
  until_status(Status::kPaused);
  EXPECT_EQ(look().kind, Kind::kHolding);
}

TEST_F(CommitTest, APauseThatTheKernelRefusesFailsTheJobAndKeepsAll) {
  start_commit();
  until_kernel(Kind::kMerging);
  kernel.fail_call("load", 2, EIO);  // after the cow's
  job->pause();
  until_over();
  EXPECT_NE(job->error(), "");
  EXPECT_EQ(look().kind, Kind::kHolding) << "abort() has tried again";
  EXPECT_TRUE(has_cow_file());
}

// In standby what is written goes to the disk, as in ready.
TEST_F(CommitTest, InStandbyTheVolumeMergesOn) {
  be_ready();
  job->pause();
  until_status(Status::kStandby);
  EXPECT_EQ(look().kind, Kind::kMerging);
  job->resume();
  until_status(Status::kReady);
}

// --- cancel ---

TEST_F(CommitTest, CancelledBeforeItBeginsChangesNothing) {
  be_paused_at_the_start();
  job->cancel(true);
  until_over();
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_EQ(managed()->overlay->record(), before.record());
}

TEST_F(CommitTest, CancelledWhileItMergesHoldsTheRest) {
  start_commit();
  until_kernel(Kind::kMerging);
  job->cancel(true);
  until_over();
  EXPECT_TRUE(job->cancelled());
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_EQ(stored_stage(), Overlay::Stage::kHolding);
  EXPECT_TRUE(stored_volume().overlay->merge_begun) << "there is no way back";
  EXPECT_TRUE(has_cow_file());
}

TEST_F(CrampedCommitTest, CancelledWithoutRoomForAPauseMergesOn) {
  start_commit();
  until_kernel(Kind::kMerging);
  fill_cow(boundary_for(least_bytes()) + 8);
  job->cancel(true);
  until_over();
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_EQ(stored_stage(), Overlay::Stage::kMerging);
}

TEST_F(CommitTest, ASoftCancelOfAReadyOneIsASnapshotOfThatInstant) {
  be_ready();
  job->cancel(false);
  until_over();
  EXPECT_EQ(job->error(), "");
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_EQ(stored_stage(), Overlay::Stage::kHolding);
  EXPECT_FALSE(stored_volume().overlay->merge_begun) << "it can be rolled back";
}

TEST_F(CommitTest, AForcedCancelOfAReadyOneKeepsTheSnapshotToo) {
  be_ready();
  job->cancel(true);
  until_over();
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_TRUE(has_cow_file());
}

TEST_F(CommitTest, ThatWaitsToBeFinalizedCanStillBeCancelled) {
  be_pending();
  job->cancel(true);
  until_over();
  EXPECT_EQ(look().kind, Kind::kHolding);
}

TEST_F(CommitTest, ThatWaitsToBeFinalizedHasTouchedNothing) {
  be_pending();
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_TRUE(has_cow_file());
  job->finalize();
  until_over();
  EXPECT_TRUE(is_disk_alone());
}

// --- what cannot be done ---

TEST_F(CommitTest, WhoseFirstStepFailsLeavesTheVolumeAsItWas) {
  for (const char* call : {"suspend", "load", "resume"}) {
    kernel.fail_call(call, 1, EIO);
    start_commit();
    until_over();
    EXPECT_THAT(job->error(), HasSubstr(call));
    EXPECT_EQ(look().kind, Kind::kHolding);
    EXPECT_EQ(managed()->overlay->record(), before.record()) << call;
    EXPECT_EQ(stored_volume().overlay->record(), before.record()) << call;
    kernel.heal();
  }
}

TEST_F(CommitTest, BeginsNothingThatTheStateFileCannotTell) {
  be_paused_at_the_start();
  store_error = "no room";
  job->resume();
  until_over();
  EXPECT_EQ(job->error(), "no room");
  EXPECT_EQ(count("load vol"), 0);
  EXPECT_EQ(managed()->overlay->record(), before.record());
}

TEST_F(CommitTest, WhoseLastStepFailsCanBeCommittedOnceMore) {
  be_ready();
  kernel.fail_call("suspend", 1, EIO);
  job->complete();
  until_over();
  EXPECT_NE(job->error(), "");
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_TRUE(has_cow_file());
  start_commit();
  until_ready();
  job->complete();
  until_over();
  EXPECT_TRUE(is_disk_alone());
}

}  // namespace
}  // namespace dmjob::drivers

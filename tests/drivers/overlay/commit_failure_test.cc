// SPDX-License-Identifier: LGPL-2.1-or-later
// A commit whose merge fails, by policy, and one that a new daemon takes up.
#include <gtest/gtest.h>

#include "tests/drivers/overlay/commit_fixture.h"

namespace dmjob::drivers {
namespace {

using core::OnError;
using core::Status;
using testing::HasSubstr;

class FailedCommitTest : public CommitTest {
 protected:
  void be_merging(OnError on_error) {
    start_commit(on_error);
    until_kernel(Kind::kMerging);
    kernel.clear_log();
  }
  void fail_merge() { kernel.set_status("vol", "Merge failed"); }
  bool has_told(const std::string& action) const {
    return has_event("BLOCK_JOB_ERROR", "action", action);
  }
  void make_pending_with_something_left() {
    be_pending();
    fill_cow(kUsed);  // a boot has found more
  }
};

TEST_F(FailedCommitTest, ThatReportsFailsWithTheCowKept) {
  for (const OnError policy : {OnError::kReport, OnError::kEnospc}) {
    be_merging(policy);
    fail_merge();
    until_over();
    EXPECT_THAT(job->error(), HasSubstr("the merge into " + disk.path() + " has failed"));
    EXPECT_THAT(job->error(), HasSubstr("nothing is lost: see to the disks, then commit volume "
                                        "'vol'"));
    EXPECT_TRUE(has_told("report"));
    EXPECT_EQ(look().kind, Kind::kHolding);
    EXPECT_TRUE(stored_volume().overlay->merge_begun);
    EXPECT_TRUE(has_cow_file());
  }
}

TEST_F(FailedCommitTest, ThatIgnoresTriesAgain) {
  be_merging(OnError::kIgnore);
  fail_merge();
  until([&] { return count("load vol") == 1; });
  EXPECT_TRUE(has_told("ignore"));
  all_is_merged();
  until_ready();
}

TEST_F(FailedCommitTest, ThatStopsWaitsForTheUserWithTheCowKept) {
  be_merging(OnError::kStop);
  fail_merge();
  until_status(Status::kPaused);
  EXPECT_EQ(job->io_status(), core::IoStatus::kFailed);
  EXPECT_EQ(count("load vol"), 0) << "the kernel has stopped by itself";
  EXPECT_TRUE(has_cow_file());
}

TEST_F(FailedCommitTest, ThatWasStoppedTriesAgainWhenResumed) {
  be_merging(OnError::kStop);
  fail_merge();
  until_status(Status::kPaused);
  job->resume();
  until([&] { return count("load vol") == 1; });
  EXPECT_EQ(job->io_status(), core::IoStatus::kOk);
  all_is_merged();
  until_ready();
}

TEST_F(FailedCommitTest, ThatWasStoppedCanBeCancelledAndHolds) {
  be_merging(OnError::kStop);
  fail_merge();
  until_status(Status::kPaused);
  job->cancel(true);
  until_over();
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_EQ(stored_stage(), Overlay::Stage::kHolding);
}

TEST_F(FailedCommitTest, WhoseScratchFailsWaitsUntilItIsBack) {
  be_merging(OnError::kReport);
  kernel.set_status("vol", "Invalid");
  until_phase("waiting for its scratch, which has failed");
  EXPECT_EQ(job->status(), Status::kRunning);
  EXPECT_EQ(kernel.log().size(), 0U) << "the watch mends it";
  kernel.set_status("vol", "");
  all_is_merged();
  until_ready();
}

TEST_F(FailedCommitTest, WhoseScratchFailsCanBePausedAndCancelled) {
  be_merging(OnError::kReport);
  kernel.set_status("vol", "Invalid");
  until_phase("waiting for its scratch, which has failed");
  job->pause();
  until_status(Status::kPaused);
  EXPECT_EQ(count("load vol"), 0);
  job->cancel(true);
  until_over();
  EXPECT_TRUE(has_cow_file());
}

// --- a new daemon ---

// Perhaps it does not: a suspension that was cut short has stopped it.
TEST_F(FailedCommitTest, TakenUpWhileItMergesBeginsOnceMore) {
  be_merging(OnError::kReport);
  restart_commit();
  all_is_merged();
  until_ready();
  EXPECT_EQ(count("load vol"), 1);
}

// Killed between the state file's write and the kernel's step.
TEST_F(FailedCommitTest, TakenUpBeforeTheKernelHasBegunBegins) {
  start_commit();
  until([&] { return at("store merging") < kernel.log().size(); });
  stop_daemon();
  kernel.set_table("vol", dm::snapshot_table(volume.sectors, disk.dev(),
                                             kernel.find("dmjob-vol-vcow")->dev, kChunk));
  kernel.clear_log();
  restart_commit();
  until_kernel(Kind::kMerging);
  EXPECT_EQ(stored_stage(), Overlay::Stage::kMerging);
}

TEST_F(FailedCommitTest, TakenUpWhilePausedStaysSo) {
  be_merging(OnError::kReport);
  job->pause();
  until_status(Status::kPaused);
  stored["job"] = job->record();
  kernel.clear_log();
  restart_commit();
  until_status(Status::kPaused);
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_EQ(count("load vol"), 0);
}

TEST_F(FailedCommitTest, TakenUpAtItsEndMergesWhatABootHasFoundFirst) {
  make_pending_with_something_left();
  restart_commit();
  until_status(Status::kPending);
  job->finalize();
  until([&] { return job->query_block_job()["phase"] == "merging"; });
  EXPECT_EQ(look().kind, Kind::kMerging);
  all_is_merged();
  until_over();
  EXPECT_TRUE(is_disk_alone());
}

TEST_F(FailedCommitTest, WhatIsLeftAtTheEndIsNotThrownAwayWhenTheDaemonStops) {
  make_pending_with_something_left();
  restart_commit();
  until_status(Status::kPending);
  job->finalize();
  until([&] { return job->query_block_job()["phase"] == "merging"; });
  stop_daemon();
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_TRUE(has_cow_file());
  EXPECT_EQ(stored_stage(), Overlay::Stage::kMerging);
}

// Nobody could resume it there.
TEST_F(FailedCommitTest, AMergeThatFailsAtTheEndIsReportedInsteadOfStopped) {
  start(driver(OnError::kStop), {.id = "j", .auto_finalize = false});
  all_is_merged();
  until_ready();
  job->complete();
  until_status(Status::kPending);
  fail_merge();
  job->finalize();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("the merge into"));
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_TRUE(has_cow_file());
}

}  // namespace
}  // namespace dmjob::drivers

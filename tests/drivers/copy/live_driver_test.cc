// SPDX-License-Identifier: LGPL-2.1-or-later
// A copy of a volume in use from begin to end: each verb in each phase, and restarts.
#include "libjob/drivers/copy/live_driver.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "tests/drivers/copy/live_driver_fixture.h"

namespace dmjob::drivers {
namespace {

using core::Status;
using testing::HasSubstr;

TEST_F(LiveDriverTest, IsReadyWhenBothSidesAreEqualAndPivots) {
  be_ready();
  EXPECT_EQ(job->query_block_job()["dirty"], 0);
  job->complete();
  until_over();
  EXPECT_EQ(job->error(), "");
  EXPECT_TRUE(is_on_target());
  expect_agreement();
  EXPECT_EQ(stored_volume().pivot_to, std::nullopt);
  EXPECT_TRUE(has_event("VOLUME_CHANGE", "change", "moved"));
}

TEST_F(LiveDriverTest, WritesAreTrackedBeforeAnythingIsCopied) {
  start_copy();
  until_phase("bulk");
  EXPECT_EQ(writes(), tracker(0));
}

TEST_F(LiveDriverTest, TheStateFileHasTheDecisionBeforeTheVolumeSwitches) {
  be_ready();
  kernel.clear_log();
  job->complete();
  until_over();
  EXPECT_LT(at("store decision"), at("suspend vol flush"));
  EXPECT_LT(at("suspend vol flush"), at("store " + target.path()));
}

TEST_F(LiveDriverTest, CancelledSoftlyItLeavesACopy) {
  be_ready();
  job->cancel(false);
  until_over();
  EXPECT_EQ(job->error(), "");
  EXPECT_TRUE(is_on_source());
  expect_agreement();
}

// --- cancel ---

TEST_F(LiveDriverTest, CancelledInAnyPhaseGivesTheVolumeItsTableBack) {
  for (const Status status :
       {Status::kRunning, Status::kPaused, Status::kReady, Status::kStandby, Status::kPending}) {
    be(status);
    job->cancel(true);
    until_over();
    EXPECT_EQ(job->error(), "Operation canceled") << core::to_string(status);
    EXPECT_TRUE(is_on_source()) << core::to_string(status);
    expect_agreement();
  }
}

// --- pause ---

TEST_F(LiveDriverTest, APauseInReadyTracks) {
  be(Status::kStandby);
  EXPECT_EQ(writes(), tracker(0));
  EXPECT_FALSE(ledger.watched("dmjob-j-wr"));
  job->resume();
  until_phase("ready");
  EXPECT_TRUE(ledger.watched("dmjob-j-wr"));
}

TEST_F(LiveDriverTest, APauseInBulkTracksOn) {
  be(Status::kPaused);
  EXPECT_EQ(writes(), tracker(0));
  job->resume();
  job->set_speed(0);
  until_ready();
}

// --- restarts ---

TEST_F(LiveDriverTest, TakenUpInAnyPhaseItEndsAllTheSame) {
  for (const Status status :
       {Status::kRunning, Status::kPaused, Status::kReady, Status::kStandby, Status::kPending}) {
    be(status);
    restart_copy();
    until_status(status);
    give_up();
    EXPECT_TRUE(is_on_source()) << core::to_string(status);
  }
}

TEST_F(LiveDriverTest, TakenUpInReadyItPivots) {
  be_ready();
  restart_copy();
  until_ready();
  job->complete();
  until_over();
  EXPECT_EQ(job->error(), "");
  EXPECT_TRUE(is_on_target());
  expect_agreement();
}

TEST_F(LiveDriverTest, TakenUpInPendingItPivots) {
  be(Status::kPending);
  restart_copy();
  until_status(Status::kPending);
  job->finalize();
  until_over();
  EXPECT_EQ(job->error(), "");
  EXPECT_TRUE(is_on_target());
  expect_agreement();
}

// --- faults ---

TEST_F(LiveDriverTest, ATargetThatFailsInReadyFailsTheJobAndNotTheVolume) {
  be_ready();
  fail_target();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr(target.path()));
  EXPECT_TRUE(is_on_source());
  expect_agreement();
}

TEST_F(LiveDriverTest, WithPolicyStopItWaitsForTheUser) {
  on_target_error = core::OnError::kStop;
  be_ready();
  fail_target();
  until_status(Status::kStandby);
  EXPECT_EQ(job->io_status(), core::IoStatus::kFailed);
  EXPECT_EQ(writes(), tracker(0));
  job->resume();
  until_phase("ready");
}

TEST_F(LiveDriverTest, ALogThatFailsIsReplacedByAnother) {
  be(Status::kRunning);
  kernel.set_status("dmjob-j-wr", status_of_mirror("A", "A", "F"));
  until([&] { return writes() == tracker(1); });
  job->set_speed(0);
  until_ready();
}

TEST_F(LiveDriverTest, ATableThatSomebodyElseHasLoadedStays) {
  be_ready();
  const dm::Table others = dm::linear_table(kSize / 512, makedev(8, 16));
  kernel.set_table("vol", others);
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("replaced"));
  EXPECT_EQ(kernel.table("vol"), others);
}

}  // namespace
}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
// A backup of a volume in use: what keeps its instant, and what comes of it when something fails.
#include "libjob/drivers/backup/backup_driver.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "tests/drivers/backup/backup_fixture.h"

namespace dmjob::drivers {
namespace {

using core::IoStatus;
using core::OnError;
using core::Status;
using testing::HasSubstr;

// --- the instant ---

TEST_F(BackupTest, ReadsTheSnapshotAndNotTheVolume) {
  source.fill(kLater);
  disk_of_base.fill(kLater);
  start_copy();
  end_well();
}

TEST_F(BackupTest, KeepsTheInstantWhileItCopies) {
  for (const Status status : {Status::kRunning, Status::kPaused}) {
    be(status);
    EXPECT_TRUE(keeps_the_instant()) << core::to_string(status);
    give_up();
  }
}

TEST_F(BackupTest, NeedsNothingOfTheVolumeOnceAllIsCopied) {
  be(Status::kPending);
  EXPECT_EQ(kernel.table("vol"), own_table());
  EXPECT_EQ(kernel.names(), left_standing);
  end_well();
}

TEST_F(BackupTest, ItsInstantIsOneSuspensionOfTheFrozenVolume) {
  start_copy();
  until_over();
  EXPECT_EQ(count("suspend vol freeze"), 1);
  EXPECT_LT(at("create dmjob-j-snap"), at("suspend vol freeze"));
}

// --- the instant is lost ---

TEST_F(BackupTest, WhoseInstantIsLostFails) {
  be(Status::kRunning);
  lose_the_instant();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("the instant of volume 'vol' is lost"));
  EXPECT_THAT(job->error(), HasSubstr("scratch " + cow.place.path + " has failed"));
}

TEST_F(BackupTest, WhoseInstantIsLostInAPauseFailsAtOnce) {
  be(Status::kPaused);
  lose_the_instant();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("is lost"));
}

// What was read may be of after it.
TEST_F(BackupTest, WhoseInstantIsLostBeforeItsLastReadIsNoSuccess) {
  be(Status::kRunning);
  lose_the_instant_unseen();
  job->set_speed(0);
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("is lost"));
}

TEST_F(BackupTest, AnErrorOfALostSnapshotIsNotTheSources) {
  plan.on_source_error = OnError::kIgnore;
  be(Status::kRunning);
  instant.fail_reads_from(kSize / 2);
  lose_the_instant_unseen();
  job->set_speed(0);
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("is lost"));
  EXPECT_FALSE(has_event("BLOCK_JOB_ERROR", "operation", "read"));
}

TEST_F(BackupTest, WhoseVolumeSomebodyElseReplacesFailsAndLeavesThat) {
  be(Status::kRunning);
  table_at_the_end = dm::linear_table(kSize / 512, makedev(8, 16));
  kernel.set_table("vol", table_at_the_end);
  daemon->dm_events.notify();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("may be newer than the instant"));
}

// --- the source fails ---

TEST_F(BackupTest, ABlockThatCannotBeReadFailsTheJob) {
  start_copy_with_a_bad_half();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("cannot be read at byte"));
}

TEST_F(BackupTest, WithPolicyIgnoreItIsZeroesOnTheTarget) { ignore_a_bad_half(); }

// --- the target fails ---

class BackupTargetTest : public BackupTest {
 protected:
  ~BackupTargetTest() override { test::refuse_writes(over_target.path(), false); }
  void start_with_a_bad_target(OnError policy) {
    plan.on_target_error = policy;
    be(Status::kRunning);
    test::refuse_writes(over_target.path(), true);
  }
  // It cannot be read either.
  void die() {
    start_with_a_bad_target(OnError::kStop);
    target.fail_reads_from(0);
    job->set_speed(0);
    until_status(core::Status::kPaused);
  }
  void mend_target() {
    test::refuse_writes(over_target.path(), false);
    target.mend();
  }
};

TEST_F(BackupTargetTest, ThatCannotBeWrittenFailsTheJob) {
  start_with_a_bad_target(OnError::kReport);
  job->set_speed(0);
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("target " + target.path() + " cannot be written"));
}

TEST_F(BackupTargetTest, WithPolicyStopIsWaitedForAndTheInstantKept) {
  start_with_a_bad_target(OnError::kStop);
  job->set_speed(0);
  until_status(Status::kPaused);
  EXPECT_EQ(job->io_status(), IoStatus::kFailed);
  EXPECT_TRUE(keeps_the_instant());
  mend_target();
  end_well();
}

TEST_F(BackupTargetTest, ThatIsDeadIsLetGoAndTakenAgain) {
  die();
  EXPECT_EQ(kernel.table("dmjob-j-tgt"), dm::error_table(kSize / 512));
  mend_target();
  end_well();
}

TEST_F(BackupTargetTest, WithPolicyIgnoreIsTriedOn) {
  start_with_a_bad_target(OnError::kIgnore);
  job->set_speed(0);
  until([&] { return has_event("BLOCK_JOB_ERROR", "operation", "write"); });
  mend_target();
  end_well();
}

TEST_F(BackupTest, WhoseTargetSomebodyWritesToIsCopiedAnew) {
  be(Status::kPaused);
  write_to_target();
  end_well();
  EXPECT_TRUE(was_copied_anew());
}

TEST_F(BackupTest, WhoseTargetSomebodyUsesIsNotBegun) {
  const io::DeviceLock somebody(target.path(), io::DeviceLock::Mode::kExclusive);
  start_copy();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr(target.path()));
  EXPECT_EQ(calls(), 0);
}

// --- a new daemon ---

TEST_F(BackupTest, AfterARebootTheInstantIsGone) {
  be(Status::kRunning);
  stop_job();
  reboot();
  restart_copy();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("the instant of volume 'vol' is gone"));
}

TEST_F(BackupTest, ThatWasKilledInItsWithdrawalIsDone) {
  be(Status::kPaused);
  stored["job"] = job->record();
  stop_daemon();
  stored["job"]["driver"]["copied"] = true;
  stored["job"]["flags"]["user-paused"] = false;
  restart_copy();
  until_over();
  EXPECT_EQ(job->error(), "");
}

TEST_F(BackupTargetTest, ThatWasLetGoIsWaitedForByANewDaemonAsWell) {
  plan.target = folder.path("link");
  std::filesystem::create_symlink(target.path(), plan.target);
  die();
  std::filesystem::remove(plan.target);
  restart_copy();
  until([&] { return job->query_block_job().contains("waiting-for"); });
  EXPECT_TRUE(keeps_the_instant());
  std::filesystem::create_symlink(target.path(), plan.target);
  mend_target();
  end_well();
}

// --- the state file cannot be written ---

TEST_F(BackupTest, ThatCannotBeStoredOnceItIsBuiltFails) {
  before_store = [this] {
    if (kernel.exists("dmjob-j-snap")) throw core::Error("no room");
  };
  start_copy();
  until_over();
  EXPECT_EQ(job->error(), "no room");
  EXPECT_EQ(count("suspend vol freeze"), 0);
}

TEST_F(BackupTest, ThatItIsCopiedNeedNotBeStored) {
  before_store = [this] {
    if (job->record()["driver"]["copied"] && kernel.exists("dmjob-j-snap"))
      throw core::Error("no room");
  };
  start_copy();
  end_well();
}

}  // namespace
}  // namespace dmjob::drivers

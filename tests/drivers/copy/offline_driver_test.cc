// SPDX-License-Identifier: LGPL-2.1-or-later
// A copy of a disk that nobody uses, whose sides or scratch fail, and whose disks change.
#include "libjob/drivers/copy/offline_driver.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

#include "tests/drivers/copy/offline_fixture.h"

namespace dmjob::drivers {
namespace {

using core::IoStatus;
using core::OnError;
using core::Status;
using testing::HasSubstr;

// --- the source fails ---

TEST_F(OfflineCopyTest, ASourceThatCannotBeReadFailsTheJob) {
  start_copy_with_a_bad_half();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("source " + source.path() + " cannot be read at byte"));
}

TEST_F(OfflineCopyTest, WithPolicyStopItWaitsForTheSource) {
  be_stopped_half_way();
  EXPECT_EQ(job->io_status(), IoStatus::kFailed);
  job->resume();
  until_over();
  EXPECT_EQ(job->error(), "");
  EXPECT_EQ(target_at(kSize - 1), std::byte{kLater});
}

TEST_F(OfflineCopyTest, WithPolicyIgnoreItWritesZeroesAndTellsWhere) {
  ignore_a_bad_half();
  EXPECT_EQ(job->query_block_job()["x-error-map"][0]["offset"], kSize / 2);
}

// --- the target fails ---

class BadTargetTest : public OfflineCopyTest {
 protected:
  ~BadTargetTest() override { mend_target(); }
  void start_with_a_bad_target(OnError policy) {
    plan.on_target_error = policy;
    be(Status::kRunning);
    test::refuse_writes(over_target.path(), true);
    job->set_speed(0);
  }
  void mend_target() { test::refuse_writes(over_target.path(), false); }
};

TEST_F(BadTargetTest, ThatCannotBeWrittenFailsTheJob) {
  start_with_a_bad_target(OnError::kReport);
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("target " + target.path() + " cannot be written at byte"));
}

TEST_F(BadTargetTest, WithPolicyStopIsWaitedFor) {
  start_with_a_bad_target(OnError::kStop);
  until_status(Status::kPaused);
  mend_target();
  end_well();
}

TEST_F(BadTargetTest, WithPolicyIgnoreIsTriedOn) {
  start_with_a_bad_target(OnError::kIgnore);
  until([&] { return has_event("BLOCK_JOB_ERROR", "operation", "write"); });
  EXPECT_EQ(job->status(), Status::kRunning);
  mend_target();
  end_well();
}

TEST_F(BadTargetTest, IsPutBackByANewDaemonAsWell) {
  start_with_a_bad_target(OnError::kStop);
  until_status(Status::kPaused);
  mend_target();
  restart_copy();
  until_status(Status::kPaused);
  end_well();
}

// --- the scratch fails ---

class ScratchOnDiskTest : public OfflineCopyTest {
 protected:
  ScratchOnDiskTest() {
    plan.scratch = {ScratchPlace::Kind::kDevice, scratch.path(), 0};
    plan.scratch_disk = io::identify_disk(scratch.path());
  }
  test::LoopDisk scratch{folder.path("scratch-disk"), kSize};
};

TEST_F(ScratchOnDiskTest, IsEnough) {
  start_copy();
  end_well();
}

TEST_F(ScratchOnDiskTest, ThatFailsFailsTheJobAndIsNamed) {
  be(Status::kRunning);
  test::refuse_writes(scratch.path(), true);
  job->set_speed(0);
  until_over();
  test::refuse_writes(scratch.path(), false);
  EXPECT_THAT(job->error(), HasSubstr(scratch.path()));
}

TEST_F(ScratchOnDiskTest, ThatSomebodyUsesIsNotTaken) {
  const io::DeviceLock somebody(scratch.path(), io::DeviceLock::Mode::kExclusive);
  start_copy();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr(scratch.path()));
}

// --- somebody else uses the disks ---

TEST_F(OfflineCopyTest, ASourceThatSomebodyUsesIsNotCopied) {
  const io::DeviceLock somebody(source.path(), io::DeviceLock::Mode::kExclusive);
  start_copy();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr(source.path()));
  EXPECT_EQ(target_at(0), std::byte{0});
}

TEST_F(OfflineCopyTest, ATargetThatSomebodyUsesIsNotWrittenTo) {
  const io::DeviceLock somebody(target.path(), io::DeviceLock::Mode::kExclusive);
  start_copy();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr(target.path()));
  EXPECT_EQ(target_at(0), std::byte{0});
}

TEST_F(OfflineCopyTest, ATargetThatSomebodyWritesToIsCopiedAnew) {
  be(Status::kPaused);
  write_to_target();
  end_well();
  EXPECT_TRUE(was_copied_anew());
}

TEST_F(CopyWithoutDmTest, ATargetThatSomebodyWritesToIsCopiedAnew) {
  be(Status::kPaused);
  write_to_target();
  end_well();
  EXPECT_TRUE(was_copied_anew());
}

TEST_F(OfflineCopyTest, ASourceThatIsWrittenToMeanwhileFailsTheJob) {
  be(Status::kRunning);
  source.write(0, 4096, kLater);
  job->set_speed(0);
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("was written to during the copy"));
}

TEST_F(OfflineCopyTest, ASourceThatWasWrittenToWithoutADaemonIsCopiedAfresh) {
  be_stopped_half_way();
  source.write(0, 4096, kLater);
  restart_copy();
  until_status(Status::kPaused);
  end_well();
}

// --- other disks ---

// Both are reached by links.
class LinkedDisksTest : public OfflineCopyTest {
 protected:
  LinkedDisksTest() {
    plan.source = link("source-link", source.path());
    plan.target = link("target-link", target.path());
  }
  std::string link(const std::string& name, const std::string& disk) const {
    const std::string path = folder.path(name);
    std::filesystem::remove(path);
    if (!disk.empty()) std::filesystem::create_symlink(disk, path);
    return path;
  }
  test::LoopDisk another{folder.path("another"), kSize};
};

TEST_F(LinkedDisksTest, WithAnotherDiskInTheTargetsPlaceItIsNoSuccess) {
  be(Status::kPending);
  link("target-link", another.path());
  job->finalize();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("is not the disk that was written to any more"));
}

TEST_F(LinkedDisksTest, ANewDaemonDoesNotWriteToAnotherDisk) {
  be_stopped_half_way();
  link("target-link", another.path());
  restart_copy();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("cannot be shown to be the disk"));
  EXPECT_EQ(another.byte_at(0), std::byte{0});
}

TEST_F(LinkedDisksTest, ANewDaemonDoesNotReadAnotherDisk) {
  be_stopped_half_way();
  link("source-link", another.path());
  restart_copy();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("cannot be shown to be the disk"));
}

TEST_F(LinkedDisksTest, ANewDaemonWaitsForALateDisk) {
  for (const char* late : {"source-link", "target-link"}) {
    be(Status::kRunning);
    link(late, "");
    restart_copy();
    until_phase("waiting for a disk or file");
    EXPECT_THAT(job->query_block_job()["waiting-for"].get<std::string>(), HasSubstr(late));
    link("source-link", source.path());
    link("target-link", target.path());
    end_well();
  }
}

TEST_F(LinkedDisksTest, WhileItWaitsItIsPausedAndCancelled) {
  be(Status::kRunning);
  link("target-link", "");
  restart_copy();
  until_phase("waiting for a disk or file");
  job->pause();
  until_status(Status::kPaused);
  job->cancel(true);
  until_over();
  EXPECT_EQ(job->error(), "Operation canceled");
}

// --- a new daemon without what the old one has left ---

TEST_F(OfflineCopyTest, WithoutItsCheckpointsAllIsCopiedAgain) {
  be_stopped_half_way();
  stop_job();
  std::filesystem::remove(plan.scratch.path);
  restart_copy();
  until_status(Status::kPaused);
  end_well();
}

TEST_F(OfflineCopyTest, WithoutTheDeviceThatHeldItsTargetAllIsCopiedAgain) {
  be_stopped_half_way();
  stop_job();
  kernel.remove("dmjob-j-tgt");
  restart_copy();
  until_status(Status::kPaused);
  end_well();
  EXPECT_TRUE(was_copied_anew());
}

// --- a file ---

TEST_F(CopyToFileTest, ThatIsRemovedFailsTheJob) {
  be(Status::kRunning);
  std::filesystem::remove(plan.target);
  job->set_speed(0);
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("is not at that path any more"));
}

TEST_F(CopyToFileTest, ThatIsCutFailsTheJob) {
  be(Status::kPending);
  std::filesystem::resize_file(plan.target, kSize / 2);
  job->finalize();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("was cut or made longer by somebody else"));
}

TEST_F(CopyToFileTest, ThatWasExchangedIsNotWrittenToByANewDaemon) {
  be_stopped_half_way();
  std::filesystem::rename(plan.target, folder.path("kept"));  // keeps its inode from being reused
  std::filesystem::copy(folder.path("kept"), plan.target);
  restart_copy();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("is another file than the one the copy began with"));
}

// --- the n-th call of the kernel fails ---

class OfflineCallTest : public OfflineCopyTest, public testing::WithParamInterface<int> {};

TEST_P(OfflineCallTest, FailsForGood) { copy_with_failing_call(GetParam(), EIO); }

TEST_P(OfflineCallTest, FailsForNow) { copy_with_failing_call(GetParam(), EBUSY); }

constexpr int kCalls = 2;
INSTANTIATE_TEST_SUITE_P(Nth, OfflineCallTest, testing::Range(1, kCalls + 1));

TEST_F(OfflineCopyTest, TakesAsManyCallsAsFailAbove) {
  start_copy();
  until_over();
  EXPECT_EQ(calls(), kCalls) << testing::PrintToString(kernel.log());
}

}  // namespace
}  // namespace dmjob::drivers

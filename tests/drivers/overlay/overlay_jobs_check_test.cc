// SPDX-License-Identifier: LGPL-2.1-or-later
// What a user may ask of stream and commit: what is refused, in which words, and the plan if it is
// not.
#include "libjob/drivers/overlay/overlay_jobs_check.h"

#include <gtest/gtest.h>

#include "libjob/core/error.h"
#include "tests/drivers/check/check_fixture.h"

namespace dmjob::drivers {
namespace {

using Kind = store::ScratchPlace::Kind;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::StartsWith;
using volumes::ManagedVolume;

class OverlayJobsCheckTest : public CheckTest {
 protected:
  OverlayJobsCheckTest() {
    volume() = add_volume(disk);
    volume().overlay.emplace();
    volume().overlay->chunk = 8;
    volume().overlay->cow = {{Kind::kFile, folder.path("cow"), 0}, kSize};
  }
  ManagedVolume& volume() { return context.volumes["vol"]; }

  test::LoopDisk disk{folder.path("disk"), kSize};
};

// --- stream ---

class StreamCheckTest : public OverlayJobsCheckTest {
 protected:
  StreamCheckTest() {
    volume().overlay->read_only = true;
    request.volume = "vol";
    request.target = target.path();
    request.scratch = folder.path("checkpoints");
  }
  CheckedStream check() { return check_stream(request, context); }
  std::string refusal() {
    return refusal_of([this] { check(); });
  }
  void remember_target() {
    request.target.reset();
    volume().overlay->target = target.path();
    volume().overlay->target_disk = io::identify_disk(target.path());
  }

  test::LoopDisk target{folder.path("target"), kSize};
  StreamRequest request;
};

TEST_F(StreamCheckTest, CopiesTheDiskBelowToTheTarget) {
  request.speed = 5;
  request.on_source_error = core::OnError::kIgnore;
  request.on_target_error = core::OnError::kStop;
  const StreamPlan plan = check().plan;
  EXPECT_EQ(plan.volume, "vol");
  EXPECT_EQ(plan.copy.source, disk.path());
  EXPECT_EQ(plan.copy.target, target.path());
  EXPECT_EQ(plan.copy.size, kSize);
  EXPECT_EQ(plan.copy.speed, 5U);
  EXPECT_EQ(plan.copy.on_source_error, core::OnError::kIgnore);
  EXPECT_EQ(plan.copy.on_target_error, core::OnError::kStop);
  EXPECT_EQ(plan.copy.scratch.path, folder.path("checkpoints"));
  EXPECT_TRUE(plan.lock_target);
  EXPECT_FALSE(plan.copy.live());
}

TEST_F(StreamCheckTest, ClaimsTheVolumeAndTheTarget) {
  const Footprint footprint = check().footprint;
  EXPECT_EQ(footprint.default_id, "vol");
  EXPECT_EQ(footprint.volume, "vol");
  EXPECT_THAT(footprint.uses, Contains(Field(&Use::path, target.path())));
  EXPECT_THAT(footprint.disks, Contains(target.dev()));
}

TEST_F(StreamCheckTest, ClaimsAScratchDisk) {
  const test::LoopDisk scratch(folder.path("scratch"), 16 * kMiB);
  request.scratch = scratch.path();
  EXPECT_THAT(check().footprint.uses, Contains(Field(&Use::path, scratch.path())));
}

TEST_F(StreamCheckTest, OfAVolumeThatHoldsNothingHasNothingToDo) {
  volume().overlay.reset();
  request.target.reset();
  EXPECT_EQ(check().plan.copy.target, "");
  EXPECT_EQ(check().plan.volume, "vol");
}

TEST_F(StreamCheckTest, GoesToTheTargetThatTheOverlayWasMadeWith) {
  remember_target();
  EXPECT_EQ(check().plan.copy.target, target.path());
}

TEST_F(StreamCheckTest, LeavesTheLockToTheScratchInTheTargetsTail) {
  volume().overlay->cow.place = {Kind::kTail, target.path(), kSize / 2};
  const io::DeviceLock as_dm_has_it(target.path(), io::DeviceLock::Mode::kExclusive);
  EXPECT_FALSE(check().plan.lock_target);
}

TEST_F(StreamCheckTest, OfAnUnknownVolumeIsRefused) {
  request.volume = "other";
  EXPECT_EQ(refusal(), "Cannot find volume 'other' among dmjob's: 'dmjob volumes' lists them");
}

TEST_F(StreamCheckTest, WithoutDeviceMapperIsRefused) {
  context.control = nullptr;
  EXPECT_EQ(refusal(), "this kernel has no device-mapper (modprobe dm-mod)");
}

TEST_F(StreamCheckTest, OfAVolumeThatIsNotActiveIsRefused) {
  volume().error = "its disk is away";
  EXPECT_EQ(refusal(), "volume 'vol' is not active: its disk is away");
}

TEST_F(StreamCheckTest, OfAVolumeWithoutItsDeviceIsRefused) {
  volume().uuid = "another";
  EXPECT_EQ(refusal(), "volume 'vol' has no device: restart dmjobd");
}

TEST_F(StreamCheckTest, WithoutATargetIsRefused) {
  request.target.reset();
  EXPECT_EQ(refusal(), "volume 'vol' has no disk to live on yet: name one (dmjob stream vol DISK)");
}

TEST_F(StreamCheckTest, ToAnotherDiskThanWasMeantIsRefused) {
  remember_target();
  volume().overlay->target_disk = {"boot 8:16 1", "wwid=other"};
  EXPECT_EQ(refusal(), "target " + target.path() +
                           " is another disk than when the overlay was made: name one");
}

TEST_F(StreamCheckTest, ToATargetThatAJobUsesIsRefused) {
  be_busy(target);
  EXPECT_EQ(refusal(), "target " + target.path() + " is in use by job 'j7'");
  volume().overlay->cow.place = {Kind::kTail, target.path(), kSize / 2};
  EXPECT_EQ(refusal(), "target " + target.path() + " is in use by job 'j7'");
}

TEST_F(StreamCheckTest, ToATargetThatIsInUseIsRefused) {
  const io::DeviceLock other(target.path(), io::DeviceLock::Mode::kExclusive);
  EXPECT_EQ(refusal(), "target " + target.path() + " is in use: close what has it open");
}

TEST_F(StreamCheckTest, ToATargetThatCannotTakeTheVolumeIsRefused) {
  const test::LoopDisk small(folder.path("small"), kSize / 2);
  request.target = small.path();
  EXPECT_THAT(refusal(), StartsWith("target " + small.path() + " is too small: "));
  request.target = disk.path();
  EXPECT_THAT(refusal(), HasSubstr("is the same disk as the source"));
  request.target = folder.path("target");
  EXPECT_THAT(refusal(), HasSubstr(" is not a disk: "));
  request.target = "/dev/is/not/there";
  EXPECT_EQ(refusal(), "target /dev/is/not/there is not there: No such file or directory");
}

TEST_F(StreamCheckTest, ToATargetThatHoldsSomethingIsRefusedButByForce) {
  sign(target);
  EXPECT_EQ(refusal(),
            "target " + target.path() + " carries a signature (dos): --force overwrites it");
  request.force = true;
  EXPECT_EQ(refusal(), "");
}

TEST_F(StreamCheckTest, WithAScratchThatIsOneOfItsDisksIsRefused) {
  request.scratch = target.path();
  EXPECT_THAT(refusal(), HasSubstr(" is the target, lies on it or under it: name another"));
  request.scratch = disk.path();
  EXPECT_THAT(refusal(), HasSubstr(" is the source, lies on it or under it: name another"));
}

// --- commit ---

class CommitCheckTest : public OverlayJobsCheckTest {
 protected:
  CommitCheckTest() { request.volume = "vol"; }
  CheckedCommit check() { return check_commit(request, context); }
  std::string refusal() {
    return refusal_of([this] { check(); });
  }

  CommitRequest request;
};

TEST_F(CommitCheckTest, MergesIntoTheVolumesOwnDisk) {
  request.on_error = core::OnError::kStop;
  const CheckedCommit checked = check();
  EXPECT_EQ(checked.plan.volume, "vol");
  EXPECT_EQ(checked.plan.disk, disk.path());
  EXPECT_EQ(checked.plan.on_error, core::OnError::kStop);
  EXPECT_EQ(checked.footprint.default_id, "vol");
  EXPECT_EQ(checked.footprint.volume, "vol");
  EXPECT_THAT(checked.footprint.uses, Contains(Field(&Use::path, disk.path())));
}

TEST_F(CommitCheckTest, OfAnUnknownVolumeIsRefusedAsQemuDoes) {
  request.volume = "other";
  try {
    check();
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.error_class(), core::ErrorClass::kDeviceNotFound);
  }
}

TEST_F(CommitCheckTest, OfAVolumeThatHoldsNothingIsRefused) {
  volume().overlay.reset();
  EXPECT_EQ(refusal(), "volume 'vol' has nothing to commit: what is written to it is on " +
                           disk.path() + " already");
}

TEST_F(CommitCheckTest, IntoADiskThatIsOnlyReadIsRefused) {
  volume().overlay->read_only = true;
  EXPECT_EQ(refusal(), "volume 'vol' stands on " + disk.path() +
                           ", which is only read: 'dmjob stream' gives it a disk of its own");
}

TEST_F(CommitCheckTest, WithASpeedLimitIsRefused) {
  request.speed = 1;
  EXPECT_EQ(refusal(), "a commit has no speed limit: the kernel merges as fast as it can");
}

TEST_F(CommitCheckTest, OfAVolumeThatIsNotActiveIsRefused) {
  volume().error = "its disk is away";
  EXPECT_EQ(refusal(), "volume 'vol' is not active: its disk is away");
}

TEST_F(CommitCheckTest, OfAVolumeWhoseTableWasReplacedIsRefused) {
  volume().overlay->replaced = true;
  EXPECT_THAT(refusal(), HasSubstr("nothing of volume 'vol' can be merged: its table was replaced "
                                   "by somebody else"));
}

TEST_F(CommitCheckTest, OfAVolumeWithoutItsDeviceIsRefused) {
  kernel.remove("vol");
  kernel.clear_log();
  EXPECT_EQ(refusal(), "volume 'vol' has no device: restart dmjobd");
}

}  // namespace
}  // namespace dmjob::drivers

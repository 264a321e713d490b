// SPDX-License-Identifier: LGPL-2.1-or-later
// What a user may ask of overlays and snapshots: what is refused, in which words, and what the
// volume is to be if it is not.
#include "libjob/drivers/overlay/overlay_check.h"

#include <gtest/gtest.h>

#include "libjob/volumes/overlay_device.h"
#include "tests/drivers/check/check_fixture.h"

namespace dmjob::drivers {
namespace {

using Kind = store::ScratchPlace::Kind;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using volumes::ManagedVolume;
using volumes::OverlayDevice;

class OverlayCheckTest : public CheckTest {
 protected:
  OverlayCheckTest() { request.scratch = folder.path("cow"); }
  ManagedVolume check() { return check_overlay(request, context).volume; }
  std::string refusal() {
    return refusal_of([this] { check(); });
  }

  test::LoopDisk backing{folder.path("backing"), kSize};
  OverlayRequest request{.name = "vol", .backing = backing.path(), .target = {}, .scratch = {}};
};

TEST_F(OverlayCheckTest, MakesAVolumeThatOnlyReadsItsDisk) {
  const ManagedVolume volume = check();
  EXPECT_EQ(volume.sectors, kSize / 512);
  EXPECT_EQ(volume.overlay->stage, volumes::Overlay::Stage::kHolding);
  EXPECT_TRUE(volume.overlay->read_only);
  EXPECT_FALSE(volume.overlay->merge_begun);
  EXPECT_EQ(volume.overlay->chunk, 8U);
  EXPECT_EQ(volume.overlay->origin_disk, io::identify_disk(backing.path()));
  EXPECT_EQ(volume.overlay->target, "");
}

TEST_F(OverlayCheckTest, OnAFileMayTakeAllThatTheVolumeCanEverNeed) {
  const store::CowPlace cow = check().overlay->cow;
  EXPECT_EQ(cow.place, (store::ScratchPlace{Kind::kFile, folder.path("cow"), 0}));
  EXPECT_EQ(cow.bytes, store::CowSpace::most_bytes(kSize, 4096));
}

TEST_F(OverlayCheckTest, OnADiskBeginsBehindItsMark) {
  const test::LoopDisk disk(folder.path("disk"), 20 * kMiB);
  request.scratch = disk.path();
  const volumes::Overlay overlay = *check().overlay;
  EXPECT_EQ(overlay.cow.place.kind, Kind::kDevice);
  EXPECT_EQ(overlay.cow.place.offset, OverlayDevice::kMarkBytes);
  EXPECT_EQ(overlay.cow.bytes, 20 * kMiB - OverlayDevice::kMarkBytes);
  EXPECT_EQ(overlay.cow_disk, io::identify_disk(disk.path()));
}

TEST_F(OverlayCheckTest, InTheTailOfItsTargetBeginsBehindWhatIsStreamedThere) {
  const test::LoopDisk target(folder.path("target"), 2 * kSize);
  request.scratch.reset();
  request.target = target.path();
  const volumes::Overlay overlay = *check().overlay;
  EXPECT_EQ(overlay.cow.place.kind, Kind::kTail);
  EXPECT_EQ(overlay.cow.place.offset, kSize + OverlayDevice::kMarkBytes);
  EXPECT_LE(overlay.cow.place.offset + overlay.cow.bytes, 2 * kSize);
  EXPECT_EQ(overlay.target_disk, io::identify_disk(target.path()));
}

// --- the name ---

TEST_F(OverlayCheckTest, ANameThatIsTakenIsRefused) {
  kernel.add_device("vol", dm::linear_table(8, backing.dev()), "LVM-x");
  EXPECT_EQ(refusal(), "a device-mapper device 'vol' exists already: choose another name");
}

TEST_F(OverlayCheckTest, ANameThatIsNoneIsRefused) {
  request.name = "a/b";
  EXPECT_THAT(refusal(), StartsWith("volume name 'a/b' "));
  EXPECT_THAT(refusal(), EndsWith(": choose another name"));
}

// --- the backing disk ---

TEST_F(OverlayCheckTest, ABackingDiskThatIsNotThereIsRefused) {
  request.backing = "/dev/is/not/there";
  EXPECT_EQ(refusal(), "backing /dev/is/not/there is not there: No such file or directory");
}

TEST_F(OverlayCheckTest, ABackingFileIsRefusedWithTheWayToADisk) {
  request.backing = folder.path("backing");
  EXPECT_EQ(refusal(), "backing " + request.backing + " is a regular file: 'losetup -r -f --show " +
                           request.backing + "' makes a disk of it, name that");
}

TEST_F(OverlayCheckTest, ABackingDiskThatAJobUsesIsRefused) {
  be_busy(backing);
  EXPECT_EQ(refusal(), "backing " + backing.path() + " is in use by job 'j7'");
}

TEST_F(OverlayCheckTest, ABackingDiskThatSomebodyMayWriteToIsRefused) {
  const io::DeviceLock other(backing.path(), io::DeviceLock::Mode::kExclusive);
  EXPECT_EQ(refusal(), "backing " + backing.path() +
                           " is in use: close what has it open, since nobody may change it");
}

TEST_F(OverlayCheckTest, ABackingDiskOfNearlyNothingIsRefused) {
  const test::LoopDisk tiny(folder.path("tiny"), 2048);
  request.backing = tiny.path();
  EXPECT_EQ(refusal(), "backing " + tiny.path() + " is too small: 2048 bytes, needed are 4096");
}

// --- the target ---

TEST_F(OverlayCheckTest, ATargetThatCannotTakeTheVolumeIsRefused) {
  const test::LoopDisk small(folder.path("small"), kSize / 2);
  request.target = small.path();
  EXPECT_THAT(refusal(), StartsWith("target " + small.path() + " is too small: "));
  request.target = backing.path();
  EXPECT_THAT(refusal(), HasSubstr("is the same disk as the source"));
  request.target = "/dev/is/not/there";
  EXPECT_THAT(refusal(), StartsWith("target /dev/is/not/there does not exist: "));
  request.target = folder.path("backing");
  EXPECT_THAT(refusal(), StartsWith("target " + folder.path("backing") + " is not a disk: "));
}

TEST_F(OverlayCheckTest, ATargetThatHoldsSomethingIsRefusedButByForce) {
  const test::LoopDisk target(folder.path("target"), kSize);
  sign(target);
  request.target = target.path();
  EXPECT_EQ(refusal(),
            "target " + target.path() + " carries a signature (dos): --force overwrites it");
  request.force = true;
  EXPECT_EQ(refusal(), "");
}

// --- the scratch ---

TEST_F(OverlayCheckTest, WithoutAPlaceThatOutlivesARebootIsRefused) {
  request.scratch.reset();
  context.memory_folder = "/dev/shm";
  EXPECT_EQ(refusal(),
            "what is written to volume 'vol' needs a place that outlives a reboot: name a disk, or "
            "a file or folder on one, with --scratch");
}

TEST_F(OverlayCheckTest, OnMemoryIsRefused) {
  request.scratch = "/dev/shm";
  EXPECT_EQ(refusal(),
            "scratch /dev/shm is memory, which a reboot loses: name a disk, or a file or folder on "
            "one, with --scratch");
}

TEST_F(OverlayCheckTest, AScratchThatIsTooSmallIsRefused) {
  const test::LoopDisk small(folder.path("small"), OverlayDevice::least_bytes(8));
  request.scratch = small.path();
  EXPECT_THAT(refusal(), StartsWith("scratch " + small.path() + " is too small: "));
}

TEST_F(OverlayCheckTest, AScratchThatIsTheBackingDiskIsRefused) {
  request.scratch = backing.path();
  EXPECT_THAT(refusal(), HasSubstr(" is the source, lies on it or under it: name another"));
}

TEST_F(OverlayCheckTest, AScratchThatHoldsSomethingIsRefusedButByForce) {
  const test::LoopDisk disk(folder.path("disk"), kSize);
  sign(disk);
  request.scratch = disk.path();
  EXPECT_EQ(refusal(),
            "scratch " + disk.path() + " carries a signature (dos): --force overwrites it");
  request.force = true;
  EXPECT_EQ(refusal(), "");
}

TEST_F(OverlayCheckTest, AScratchFileThatExistsIsRefused) {
  request.scratch = folder.path("backing");
  EXPECT_THAT(refusal(), HasSubstr(" is a file that exists already: name another"));
}

// --- snapshots ---

class SnapshotCheckTest : public CheckTest {
 protected:
  SnapshotCheckTest() {
    volume() = add_volume(disk);
    kernel.set_number("vol", lower.dev());
  }
  ManagedVolume& volume() { return context.volumes["vol"]; }
  std::string refusal() {
    return refusal_of([this] { check_snapshot(request, context); });
  }

  test::LoopDisk disk{folder.path("disk"), kSize};
  // The volume, as far as it can be opened.
  test::LoopDisk lower{folder.path("lower"), kSize};
  OverlayRequest request{.name = "vol", .backing = {}, .target = {}, .scratch = folder.path("cow")};
};

TEST_F(SnapshotCheckTest, TurnsTheVolumeIntoAnOverlayOnItsOwnDisk) {
  const ManagedVolume after = check_snapshot(request, context).volume;
  EXPECT_EQ(after.device, disk.path());
  EXPECT_EQ(after.uuid, volume().uuid);
  EXPECT_FALSE(after.overlay->read_only);
  EXPECT_EQ(after.overlay->origin_disk, io::identify_disk(disk.path()));
}

TEST_F(SnapshotCheckTest, OfAForeignVolumeIsRefused) {
  request.name = "other";
  EXPECT_EQ(refusal(),
            "volume 'other' is not managed by dmjob: a snapshot would be lost at the next boot "
            "('dmjob attach' makes a managed volume of a disk)");
}

TEST_F(SnapshotCheckTest, OfASnapshotIsRefused) {
  volume().overlay.emplace();
  EXPECT_EQ(refusal(),
            "volume 'vol' holds what is written to it already: commit, stream or roll it back "
            "first");
}

TEST_F(SnapshotCheckTest, OfATrackedVolumeIsRefused) {
  volume().tracking.emplace();
  EXPECT_EQ(refusal(),
            "volume 'vol' has a chain of incremental backups, which would not see what a commit "
            "writes: 'dmjob untrack vol' first");
}

TEST_F(SnapshotCheckTest, OfAVolumeThatIsNotActiveIsRefused) {
  volume().error = "its disk is away";
  EXPECT_EQ(refusal(), "volume 'vol' is not active: its disk is away");
}

TEST_F(SnapshotCheckTest, OfAVolumeThatAJobUsesIsRefused) {
  be_busy(lower);
  EXPECT_EQ(refusal(), "volume 'vol' is in use by job 'j7'");
}

TEST_F(SnapshotCheckTest, OfASuspendedVolumeIsRefused) {
  kernel.set_suspended("vol", true);
  EXPECT_EQ(refusal(), "volume 'vol' is suspended: 'dmsetup resume vol' first");
}

// --- rollback ---

class RollbackCheckTest : public SnapshotCheckTest {
 protected:
  RollbackCheckTest() { volume() = check_snapshot(request, context).volume; }
  std::string refusal() {
    return refusal_of([this] { check_rollback(volume(), kernel); });
  }
};

TEST_F(RollbackCheckTest, OfAClosedVolumeIsGranted) { EXPECT_EQ(refusal(), ""); }

TEST_F(RollbackCheckTest, OfAVolumeWithoutADeviceIsGranted) {
  volume().name = "inactive";
  EXPECT_EQ(refusal(), "");
}

TEST_F(RollbackCheckTest, WithoutASnapshotIsRefused) {
  volume().overlay.reset();
  EXPECT_EQ(refusal(), "volume 'vol' has no snapshot to go back to");
}

TEST_F(RollbackCheckTest, OfAVolumeOverAReadOnlyDiskIsRefused) {
  volume().overlay->read_only = true;
  EXPECT_EQ(refusal(), "volume 'vol' stands on the read-only " + disk.path() +
                           ": 'dmjob stream' gives it a disk of its own");
}

TEST_F(RollbackCheckTest, AfterACommitHasBegunIsRefused) {
  volume().overlay->merge_begun = true;
  EXPECT_EQ(refusal(), "volume 'vol' cannot go back: a commit has begun to change " + disk.path() +
                           "; commit it again to finish that");
}

TEST_F(RollbackCheckTest, OfAnOpenVolumeIsRefused) {
  kernel.set_opened("vol", 1);
  EXPECT_EQ(refusal(), "volume 'vol' is open: unmount it or close it first");
}

}  // namespace
}  // namespace dmjob::drivers

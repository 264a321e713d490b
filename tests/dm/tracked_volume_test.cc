// SPDX-License-Identifier: LGPL-2.1-or-later
// A volume whose writes are tracked all its life, and the instant of a backup of it.
#include <array>
#include <cerrno>

#include "dm/topology/backup_stack.h"
#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

class TrackedVolumeTest : public testing::Test, protected CopyStage {
 protected:
  ~TrackedVolumeTest() override {
    EXPECT_EQ(kernel.violations(), Log{});
    EXPECT_EQ(kernel.suspended_devices(), Log{});
  }

  static NewDevice new_volume() {
    return {"new", "DMJOBV-1", Table::parse("0 8192 linear 8:64 0"), Visibility::kPublic, false};
  }
  CopyStack stack_of_new() {
    CopyStackSpec of_new = spec();
    of_new.volume = "new";
    of_new.has_target = false;
    return {kernel, ledger, of_new};
  }
  static BackupStackSpec backup_spec() {
    BackupStackSpec backup;
    backup.job = "b";
    backup.uuid = "b-uuid";
    backup.volume = "dmjob-j-base";
    backup.scratch = makedev(8, 80);
    backup.cow_offset = 8;
    backup.cow_length = 8192;
    backup.chunk = 128;
    return backup;
  }
  void interpose_backup() {
    const std::array<BackupStack*, 1> one{&backup};
    BackupStack::interpose(one, stack.rotation(1));
  }
  Table on_origin() { return origin_table(8192, kernel.find("dmjob-b-base")->dev); }

  BackupStack backup{kernel, ledger, backup_spec()};
};

TEST_F(TrackedVolumeTest, ThatIsMadeAtABootIsNeverThereUntracked) {
  stack_of_new().build_with_volume(new_volume(), 0);
  EXPECT_EQ(kernel.log(),
            (Log{"create dmjob-j-log0", "create dmjob-j-log1", "create dmjob-j-log2",
                 "create dmjob-j-base", "create dmjob-j-err", "create dmjob-j-wr", "create new"}));
  EXPECT_EQ(kernel.table("new"), bypass());
  EXPECT_EQ(kernel.table("dmjob-j-base"), new_volume().table);
  EXPECT_EQ(kernel.find("new")->uuid, "DMJOBV-1");
  EXPECT_EQ(writes(), tracker(0));
}

TEST_F(TrackedVolumeTest, ThatIsThereIsNotMadeOnceMore) {
  NewDevice volume = new_volume();
  volume.name = "vol";
  EXPECT_EQ(error_of([&] { stack.build_with_volume(volume, 0); }), EEXIST);
  expect_nothing_but_the_volume();
}

TEST_F(TrackedVolumeTest, OfWhichOneDeviceCannotBeMadeLeavesNothing) {
  for (int n = 1; n <= 7; ++n) {
    kernel.fail_call("create", n, ENOMEM);
    EXPECT_EQ(error_of([&] { stack_of_new().build_with_volume(new_volume(), 0); }), ENOMEM) << n;
    expect_nothing_but_the_volume();
  }
}

TEST_F(TrackedVolumeTest, GetsAFreshLogInTheInstantOfABackup) {
  interpose();
  backup.build();
  kernel.clear_log();
  interpose_backup();
  EXPECT_EQ(kernel.log(), (Log{"load vol", "load dmjob-j-wr", "load dmjob-j-base", "note vol old",
                               "suspend vol freeze", "note dmjob-j-wr old",
                               "suspend dmjob-j-wr flush", "note dmjob-j-base old",
                               "suspend dmjob-j-base freeze", "note vol new", "note dmjob-j-wr new",
                               "note dmjob-j-base new", "resume dmjob-j-base", "done dmjob-j-base",
                               "resume dmjob-j-wr", "done dmjob-j-wr", "resume vol", "done vol"}));
  EXPECT_EQ(volume(), bypass());
  EXPECT_EQ(writes(), tracker(1));
  EXPECT_EQ(kernel.table("dmjob-j-base"), on_origin());
  EXPECT_FALSE(ledger.was_divided());
}

TEST_F(TrackedVolumeTest, IsFoundTrackingWhileABackupIsUnderWay) {
  interpose();
  backup.build();
  interpose_backup();
  const CopyStack::Found found = stack.find();
  EXPECT_EQ(found.volume, CopyStack::Found::Volume::kInterposed);
  EXPECT_EQ(found.writes, (WriteMode{Kind::kTracking, 1}));
  EXPECT_TRUE(backup.take_up());
}

TEST_F(TrackedVolumeTest, WhoseBackupCannotBeginKeepsItsLog) {
  interpose();
  backup.build();
  for (int n = 1; n <= 3; ++n) {
    kernel.fail_call("suspend", n, EIO);
    EXPECT_EQ(error_of([&] { interpose_backup(); }), EIO) << n;
    EXPECT_EQ(writes(), tracker(0));
    EXPECT_EQ(kernel.table("dmjob-j-base"), own);
    EXPECT_EQ(volume(), bypass());
  }
  backup.withdraw();
}

TEST_F(TrackedVolumeTest, TracksOnWhenTheBackupIsTakenAway) {
  interpose();
  backup.build();
  interpose_backup();
  backup.withdraw();
  EXPECT_EQ(kernel.table("dmjob-j-base"), own);
  EXPECT_EQ(writes(), tracker(1));
  EXPECT_FALSE(kernel.exists("dmjob-b-snap"));
}

}  // namespace
}  // namespace dmjob::dm

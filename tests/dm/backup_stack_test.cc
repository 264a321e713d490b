// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cerrno>

#include "tests/dm/backup_stack_fixture.h"

namespace dmjob::dm {
namespace {

class BackupStackTest : public testing::Test, protected BackupStage {
 protected:
  ~BackupStackTest() override {
    EXPECT_EQ(kernel.violations(), Log{});
    EXPECT_EQ(kernel.suspended_devices(), Log{});
  }

  // As a new process would see it.
  bool found() {
    return BackupStack(kernel, ledger, spec_of("j", "vol", makedev(8, 48))).take_up();
  }
};

TEST_F(BackupStackTest, BuildingDoesNotTouchTheVolume) {
  stack.build();
  EXPECT_EQ(kernel.log(),
            (Log{"create dmjob-j-cow", "create dmjob-j-base", "create dmjob-j-snap"}));
  EXPECT_EQ(kernel.table("dmjob-j-cow"), linear_table(8192, makedev(8, 48), 8));
  EXPECT_EQ(kernel.table("dmjob-j-base"), own);
  EXPECT_EQ(kernel.table("dmjob-j-snap"),
            snapshot_table(8192, number("dmjob-j-base"), number("dmjob-j-cow"), 128));
  EXPECT_TRUE(kernel.find("dmjob-j-snap")->read_only);
}

TEST_F(BackupStackTest, TheInstantIsOneFrozenSuspensionOfAllVolumes) {
  build();
  kernel.clear_log();
  interpose();
  EXPECT_EQ(kernel.log(),
            (Log{"load vol", "load other", "note vol old", "suspend vol freeze", "note other old",
                 "suspend other freeze", "note vol new", "note other new", "resume other",
                 "done other", "resume vol", "done vol"}));
  EXPECT_TRUE(interposed());
  EXPECT_TRUE(other_interposed());
  EXPECT_FALSE(ledger.was_divided());
}

TEST_F(BackupStackTest, WithdrawingGivesTheVolumeItsOwnTableToTheLetter) {
  begin();
  kernel.clear_log();
  stack.withdraw();
  EXPECT_EQ(kernel.log(),
            (Log{"load vol", "note vol old", "suspend vol flush", "note vol new", "resume vol",
                 "done vol", "remove dmjob-j-snap", "remove dmjob-j-base", "remove dmjob-j-cow"}));
  other.withdraw();
  expect_nothing_but_the_volumes();
}

TEST_F(BackupStackTest, WithdrawingASecondTimeIsNoError) {
  begin();
  withdraw();
  withdraw();
  expect_nothing_but_the_volumes();
}

TEST_F(BackupStackTest, AStackThatWasNeverInterposedIsTakenAwayAsWell) {
  build();
  withdraw();
  expect_nothing_but_the_volumes();
}

TEST_F(BackupStackTest, AVolumeWhoseTableChangedBeforeTheInstantKeepsAllOut) {
  build();
  kernel.set_table("other", Table::parse("0 8192 linear 8:33 0"));
  EXPECT_EQ(error_of([this] { interpose(); }), ESTALE);
  EXPECT_EQ(volume(), own);
}

TEST_F(BackupStackTest, AVolumeThatComesNotToRestKeepsAllOut) {
  build();
  kernel.fail_call("suspend", 2, EINTR);
  EXPECT_EQ(error_of([this] { interpose(); }), ETIMEDOUT);
  withdraw();
  expect_nothing_but_the_volumes();
}

TEST_F(BackupStackTest, ATableThatSomebodyElseHasPutThereIsLeft) {
  begin();
  const Table theirs = Table::parse("0 8192 linear 8:33 0");
  kernel.set_table("vol", theirs);
  EXPECT_EQ(error_of([this] { stack.withdraw(); }), ESTALE);
  EXPECT_EQ(volume(), theirs);
  EXPECT_FALSE(kernel.exists("dmjob-j-base"));
}

TEST_F(BackupStackTest, AVolumeThatStandsOnTheScratchIsRefused) {
  BackupStack bad(kernel, ledger, spec_of("j", "vol", makedev(8, 16)));
  EXPECT_EQ(error_of([&] { bad.build(); }), EINVAL);
}

TEST_F(BackupStackTest, ADeviceOfAnotherOwnerWithOurNameIsNotTouched) {
  kernel.add_device("dmjob-j-cow", error_table(8), "someone");
  EXPECT_EQ(error_of([this] { stack.build(); }), EEXIST);
  EXPECT_TRUE(kernel.exists("dmjob-j-cow"));
}

// --- reading back ---

TEST_F(BackupStackTest, AStackThatStandsIsFound) {
  begin();
  EXPECT_TRUE(found());
}

TEST_F(BackupStackTest, BeforeTheInstantThereIsNothingToGoOnFrom) {
  build();
  EXPECT_FALSE(found());
}

TEST_F(BackupStackTest, AfterARebootThereIsNothing) { EXPECT_FALSE(found()); }

TEST_F(BackupStackTest, ASnapshotThatHasBecomeInvalidKeepsNoInstant) {
  begin();
  kernel.set_status("dmjob-j-snap", "Invalid");
  EXPECT_FALSE(found());
}

TEST_F(BackupStackTest, AVolumeThatADeadProcessLeftSuspendedGoesOn) {
  build();
  kernel.load("vol", on_origin("j"));
  kernel.set_suspended("vol", true);
  EXPECT_FALSE(found());
  EXPECT_FALSE(kernel.suspended("vol"));
  EXPECT_EQ(volume(), own);
}

TEST_F(BackupStackTest, InnerDevicesThatADeadProcessLeftSuspendedGoOn) {
  begin();
  kernel.set_suspended("dmjob-j-base", true);
  EXPECT_TRUE(found());
  EXPECT_FALSE(kernel.suspended("dmjob-j-base"));
}

}  // namespace
}  // namespace dmjob::dm

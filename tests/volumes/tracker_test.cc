// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/tracker.h"

#include <gtest/gtest.h>

#include "tests/volumes/tracker_fixture.h"

namespace dmjob::volumes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class TrackerTest : public testing::Test, protected TrackedStage {
 protected:
  ~TrackerTest() override {
    EXPECT_THAT(kernel.violations(), IsEmpty());
    EXPECT_THAT(kernel.suspended_devices(), IsEmpty());
  }
  // As a backup does it: the old log is left within the volume's suspension.
  void take_instant(Tracker& tracker) {
    const auto switches = tracker.rotation();
    dm::switch_tables(kernel, ledger, switches, [&] { tracker.check_log(); });
  }
  bool volume_has_own_table() { return kernel.table("vol") == own; }
};

TEST_F(TrackerTest, CallsAllChangedBeforeTheFirstBackup) {
  begin();
  EXPECT_THAT(changed(), SizeIs(kRegions));
  EXPECT_TRUE(tracker().take_up());
}

TEST_F(TrackerTest, CallsNothingChangedAfterABackup) {
  begin_proven();
  EXPECT_THAT(changed(), IsEmpty());
}

TEST_F(TrackerTest, NamesWhatWasWrittenTo) {
  begin_proven();
  write_to({3, 63}, 0);
  EXPECT_THAT(changed(), ElementsAre(3, 63));
}

TEST_F(TrackerTest, AtAnInstantNamesWhatCameBeforeIt) {
  begin_proven();
  write_to({3}, 0);
  Tracker at = tracker();
  take_instant(at);
  write_to({5}, 1);
  at.collect();
  EXPECT_THAT(to_copy(), ElementsAre(3));
  EXPECT_THAT(changed(), ElementsAre(3, 5));
  EXPECT_EQ(log_in_use(), 1);
}

TEST_F(TrackerTest, ForgetsAtTheEndOfABackupOnlyWhatCameBeforeItsInstant) {
  begin_proven();
  write_to({3, 4}, 0);
  Tracker at = tracker();
  take_instant(at);
  const std::uint64_t checkpoint = at.collect();
  write_to({3, 5}, 1);
  tracker().forget(checkpoint, none());
  EXPECT_THAT(changed(), ElementsAre(3, 5));
}

TEST_F(TrackerTest, KeepsWhatABackupCouldNotCopy) {
  begin_proven();
  write_to({3, 4}, 0);
  io::DirtyBitmap left = none();
  left.set(4);
  Tracker at = tracker();
  take_instant(at);
  at.forget(at.collect(), left);
  EXPECT_THAT(changed(), ElementsAre(4));
}

TEST_F(TrackerTest, KeepsTheMarksOfAFailedBackupForTheNextOne) {
  begin_proven();
  write_to({3}, 0);
  Tracker failed = tracker();
  take_instant(failed);
  failed.collect();
  write_to({5}, 1);
  Tracker next = tracker();
  take_instant(next);
  next.collect();
  EXPECT_THAT(to_copy(), ElementsAre(3, 5));
}

TEST_F(TrackerTest, ForgetsNothingForABackupThatIsNotTheLast) {
  begin_proven();
  write_to({3}, 0);
  Tracker at = tracker();
  take_instant(at);
  const std::uint64_t old = at.collect();
  at.mark_all();
  tracker().forget(old, none());
  EXPECT_THAT(changed(), SizeIs(kRegions));
}

// Five rotations are more than there are logs.
TEST_F(TrackerTest, LosesNoMarkHoweverOftenTheLogChanges) {
  begin_proven();
  for (std::uint64_t region = 10; region < 15; ++region) {
    write_to({region}, log_in_use());
    tracker().rotate();
  }
  EXPECT_THAT(changed(), ElementsAre(10, 11, 12, 13, 14));
  EXPECT_THAT(to_copy(), IsEmpty());
}

TEST_F(TrackerTest, ARotationWhileABackupRunsIsNotForgottenWithIt) {
  begin_proven();
  write_to({3}, 0);
  Tracker at = tracker();
  take_instant(at);
  const std::uint64_t checkpoint = at.collect();
  write_to({5}, 1);
  tracker().rotate();
  write_to({6}, 2);
  tracker().forget(checkpoint, none());
  EXPECT_THAT(changed(), ElementsAre(5, 6));
}

TEST_F(TrackerTest, AfterABootHasTheMarksOfAllLogs) {
  begin_proven();
  write_to({3}, 0);
  tracker().rotate();
  write_to({5}, 1);
  write_to({6}, 2);
  end_of_power();
  tracker().activate();
  EXPECT_THAT(to_copy(), ElementsAre(3, 5, 6));
  EXPECT_TRUE(tracker().take_up());
  EXPECT_EQ(kernel.find("vol")->uuid, "DMJOBV-v");
}

TEST_F(TrackerTest, IsNotLeftForAnotherLogIfItsOwnHasFailed) {
  begin_proven();
  fail_log();
  EXPECT_TRUE(look_at_tracker(kernel, "vol").log_failed);
  Tracker at = tracker();
  EXPECT_THROW(take_instant(at), std::system_error);
  EXPECT_THROW(at.rotate(), std::system_error);
  EXPECT_EQ(log_in_use(), 0);
}

TEST_F(TrackerTest, TellsThatWritesFail) {
  begin_proven();
  kernel.set_status("dmjob-_vol-wr", "2 8:0 8:16 60/64 1 DD 3 disk 8:32 A");
  const TrackerState state = look_at_tracker(kernel, "vol");
  EXPECT_TRUE(state.there && state.writes_fail);
  EXPECT_FALSE(state.log_failed);
  EXPECT_EQ(state.marked, 4U);
}

TEST_F(TrackerTest, WithADamagedLogIsNotBelieved) {
  begin_proven();
  damage_log(2);
  EXPECT_THROW(tracker().collect(), std::system_error);
  EXPECT_THROW(tracker().changed(), std::system_error);
}

TEST_F(TrackerTest, OfAnotherChainIsNotOpened) {
  begin_proven();
  volume.tracking->uuid = "other";
  EXPECT_THROW(tracker(), std::system_error);
}

TEST_F(TrackerTest, ThatMissesMarksLetsTheWritesPassUntilItEnds) {
  begin_proven();
  fail_log();
  stop_marking(kernel, ledger, volume);
  EXPECT_EQ(kernel.table("dmjob-_vol-wr"), dm::linear_table(volume.sectors, number("base")));
  EXPECT_FALSE(tracker().take_up());
  stop_marking(kernel, ledger, volume);
  end_tracking(kernel, ledger, volume);
  EXPECT_TRUE(volume_has_own_table());
}

TEST_F(TrackerTest, ThatEndsLeavesTheVolumeItsOwnTableAndNothingElse) {
  begin_proven();
  end_tracking(kernel, ledger, volume);
  EXPECT_TRUE(volume_has_own_table());
  EXPECT_THAT(kernel.names(), ElementsAre("vol"));
  EXPECT_THROW(tracker(), std::system_error);
  EXPECT_FALSE(look_at_tracker(kernel, "vol").there);
}

TEST_F(TrackerTest, EndsWithoutItsScratch) {
  begin_proven();
  std::filesystem::remove(volume.tracking->scratch.path);
  end_tracking(kernel, ledger, volume);
  EXPECT_TRUE(volume_has_own_table());
}

TEST_F(TrackerTest, ThatCannotBeginCanBeTakenAway) {
  for (const char* call : {"create", "load", "suspend"}) {
    add_volume();
    kernel.fail_call(call, 1, EIO);
    EXPECT_THROW(Tracker(kernel, ledger, volume, Tracker::How::kMake).begin(), std::system_error);
    end_tracking(kernel, ledger, volume);
    EXPECT_TRUE(volume_has_own_table());
    EXPECT_THAT(kernel.names(), ElementsAre("vol"));
    kernel.remove("vol");
  }
}

}  // namespace
}  // namespace dmjob::volumes

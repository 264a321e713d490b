// SPDX-License-Identifier: LGPL-2.1-or-later
// What CopyStack does to the kernel, call by call. Whole sequences are compared: the order is the
// point.
#include "dm/topology/copy_stack.h"

#include <cerrno>
#include <functional>
#include <ostream>
#include <stdexcept>

#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

TEST_F(CopyStackTest, IsBuiltFromTheBottomUpWithoutTouchingTheVolume) {
  hold();
  kernel.clear_log();
  stack.build(1);
  EXPECT_EQ(kernel.log(), (Log{"create dmjob-j-log0", "create dmjob-j-log1", "create dmjob-j-log2",
                               "create dmjob-j-base", "create dmjob-j-err", "create dmjob-j-wr"}));
  EXPECT_EQ(kernel.table("dmjob-j-log1").print(), "0 64 linear 8:48 72\n");
  EXPECT_EQ(kernel.table("dmjob-j-err"), failing_table(8192, number("base")));
  EXPECT_EQ(kernel.table("dmjob-j-base"), own);
  EXPECT_EQ(writes(), tracker(1));
  EXPECT_EQ(volume(), own);
  EXPECT_EQ(stack.base(), number("base"));
  EXPECT_EQ(kernel.find("dmjob-j-base")->uuid, "DMJOB-u-base");
}

TEST_F(CopyStackTest, InterposesByLoadingAheadAndOneSuspension) {
  build();
  kernel.clear_log();
  stack.interpose();
  EXPECT_EQ(kernel.log(), (Log{"load vol", "note vol old", "suspend vol flush", "note vol new",
                               "resume vol", "done vol"}));
  EXPECT_EQ(volume(), bypass());
}

TEST_F(CopyStackTest, SwitchesWritesWithoutTouchingTheVolume) {
  interpose();
  kernel.clear_log();
  stack.preload({Kind::kTracking, 1});
  stack.switch_writes(SuspendMode::kFlush, [this] { kernel.note("inside"); });
  EXPECT_EQ(kernel.log(), (Log{"load dmjob-j-wr", "note dmjob-j-wr old", "suspend dmjob-j-wr flush",
                               "inside", "resume dmjob-j-wr", "done dmjob-j-wr"}));
  EXPECT_EQ(writes(), tracker(1));
}

TEST_F(CopyStackTest, WatchesTheMirrorOnceThereIsATrackerToFallBackTo) {
  mirror();
  EXPECT_EQ(writes(), mirror_on(1));
  EXPECT_FALSE(ledger.watched("dmjob-j-wr"));
  stack.preload({Kind::kTracking, 2});
  EXPECT_TRUE(ledger.watched("dmjob-j-wr"));
}

TEST_F(CopyStackTest, LeavesAFailedMirrorWithTheNewTableAsTheSafeOne) {
  be_ready();
  kernel.clear_log();
  stack.switch_writes(SuspendMode::kNoFlush, [] {});
  EXPECT_EQ(kernel.log(),
            (Log{"unwatch dmjob-j-wr", "note dmjob-j-wr new", "suspend dmjob-j-wr noflush",
                 "resume dmjob-j-wr", "done dmjob-j-wr"}));
  EXPECT_EQ(writes(), tracker(2));
}

TEST_F(CopyStackTest, HeldWritesFailIfTheyMayGoNowhere) {
  be_ready();
  fail_target();
  kernel.clear_log();
  stack.fail_held_writes();
  EXPECT_EQ(kernel.log(), (Log{"unwatch dmjob-j-wr", "load dmjob-j-wr", "note dmjob-j-wr old",
                               "suspend dmjob-j-wr noflush", "note dmjob-j-wr new",
                               "resume dmjob-j-wr", "done dmjob-j-wr"}));
  EXPECT_EQ(writes(), error_table(8192));
  EXPECT_EQ(stack.find().writes, (WriteMode{Kind::kFailing, 0}));
}

TEST_F(CopyStackTest, WritesThatFailAreTrackedAgainByTheNextSwitch) {
  be_ready();
  fail_target();
  stack.fail_held_writes();
  stack.preload({Kind::kTracking, 2});
  stack.switch_writes(SuspendMode::kNoFlush, [] {});
  EXPECT_EQ(writes(), tracker(2));
}

TEST_F(CopyStackTest, NothingFailsThatIsNotHeld) {
  interpose();
  kernel.clear_log();
  stack.fail_held_writes();  // a tracker, whose one side fails by design
  EXPECT_EQ(kernel.log(), Log{});
  stack.preload({Kind::kMirroring, 1});
  stack.switch_writes(SuspendMode::kFlush, [] {});
  kernel.clear_log();
  stack.fail_held_writes();
  EXPECT_EQ(writes(), mirror_on(1));
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(CopyStackTest, CannotSwitchToNothing) {
  interpose();
  EXPECT_EQ(error_of([this] { stack.switch_writes(SuspendMode::kFlush, [] {}); }), EINVAL);
}

TEST_F(CopyStackTest, KeepsItsWritesIfWhatIsDoneInsideFails) {
  interpose();
  stack.preload({Kind::kTracking, 1});
  EXPECT_THROW(
      stack.switch_writes(SuspendMode::kFlush, [] { throw std::runtime_error("log is dead"); }),
      std::runtime_error);
  EXPECT_EQ(writes(), tracker(0));
  EXPECT_FALSE(kernel.find("dmjob-j-wr")->inactive_table);
}

TEST_F(CopyStackTest, TellsTheMirrorsStatusAndNoneOfAPassingWr) {
  mirror();
  EXPECT_NE(stack.mirror_status_text(), std::nullopt);
  stack.preload({Kind::kPassing, 0});
  stack.switch_writes(SuspendMode::kNoFlush, [] {});
  EXPECT_EQ(stack.mirror_status_text(), std::nullopt);
}

// --- pivot ---

TEST_F(CopyStackTest, PivotsWithOneCommitPoint) {
  be_ready();
  kernel.clear_log();
  pivot(stack, [this] { kernel.note("commit record"); });
  EXPECT_EQ(kernel.log(), (Log{"load vol", "note vol old", "suspend vol flush", "commit record",
                               "note vol new", "resume vol", "done vol"}));
  EXPECT_EQ(volume(), on_target());
}

TEST_F(CopyStackTest, PivotLeavesTheInnerDevicesToRemoveInner) {
  be_ready();
  pivot(stack);
  kernel.clear_log();
  stack.remove_inner();
  EXPECT_EQ(kernel.log(), (Log{"unwatch dmjob-j-wr", "remove dmjob-j-wr", "remove dmjob-j-err",
                               "remove dmjob-j-base", "remove dmjob-j-log2", "remove dmjob-j-log1",
                               "remove dmjob-j-log0"}));
  stack.remove_inner();
  expect_nothing_but_the_volume();
}

TEST_F(CopyStackTest, DoesNotPivotToATargetThatFailed) {
  be_ready();
  fail_target();
  kernel.clear_log();
  EXPECT_EQ(error_of([this] { pivot(stack, [] { FAIL(); }); }), EIO);
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(CopyStackTest, DoesNotPivotWhileTracking) {
  interpose();
  EXPECT_EQ(error_of([this] { pivot(stack, [] { FAIL(); }); }), EIO);
  EXPECT_EQ(volume(), bypass());
}

// The target fails while the volume's last writes are waited for, and another thread lets them go.
TEST_F(CopyStackTest, LooksAtTheMirrorOnceMoreWhenTheVolumeIsSuspended) {
  struct LateFailure : FakeControl {
    void suspend(const std::string& name, SuspendMode mode) override {
      if (name == "vol" && other_thread) other_thread();
      FakeControl::suspend(name, mode);
    }
    std::function<void()> other_thread;
  } late;
  FakeLedger late_ledger(late);
  late.add_device("vol", own);
  CopyStack late_stack(late, late_ledger, spec());
  HeldDisk(late, late_ledger, "j", "u").take(makedev(8, 32), 16384);
  late_stack.build(0);
  late_stack.interpose();
  late_stack.preload({Kind::kMirroring, 1});
  late_stack.switch_writes(SuspendMode::kFlush, [] {});
  late_stack.preload({Kind::kTracking, 2});
  const Table before = late.table("vol");
  late.other_thread = [&] { late_stack.release_held_writes(); };

  EXPECT_EQ(error_of([&] { pivot(late_stack, [] { FAIL(); }); }), EIO);
  EXPECT_EQ(late.table("vol"), before);
  EXPECT_EQ(late.suspended_devices(), Log{});
}

TEST_F(CopyStackTest, DoesNotPivotAVolumeThatSomebodyElseHasTaken) {
  be_ready();
  kernel.set_table("vol", own);
  EXPECT_EQ(error_of([this] { pivot(stack); }), ESTALE);
}

TEST_F(CopyStackTest, SendsHeldWritesThroughThePreloadedTracker) {
  be_ready();
  kernel.clear_log();
  stack.release_held_writes();
  EXPECT_EQ(kernel.log(),
            (Log{"unwatch dmjob-j-wr", "note dmjob-j-wr new", "suspend dmjob-j-wr noflush",
                 "resume dmjob-j-wr", "done dmjob-j-wr"}));
  EXPECT_EQ(error_of([this] { stack.release_held_writes(); }), EINVAL);
}

// --- withdraw ---

const Log kRemoval = {"remove dmjob-j-wr",   "remove dmjob-j-err",  "remove dmjob-j-base",
                      "remove dmjob-j-log2", "remove dmjob-j-log1", "remove dmjob-j-log0"};

Log then_removal(Log log) {
  log.insert(log.end(), kRemoval.begin(), kRemoval.end());
  return log;
}

TEST_F(CopyStackTest, SoftCancelKeepsTheMirrorUntilTheFrozenVolumeIsSuspended) {
  mirror();
  kernel.clear_log();
  keep(stack, [this] {
    kernel.note("inside");
    EXPECT_EQ(writes(), mirror_on(1));
  });
  EXPECT_EQ(kernel.log(), then_removal({"load vol", "note vol old", "suspend vol freeze", "inside",
                                        "note vol new", "resume vol", "done vol"}));
  EXPECT_EQ(volume(), own);
  expect_nothing_but_the_volume();
}

TEST_F(CopyStackTest, SoftCancelOfAFailedTargetIsAnErrorAndChangesNothing) {
  mirror();
  fail_target();
  kernel.clear_log();
  EXPECT_EQ(error_of([this] { keep(stack, [] { FAIL(); }); }), EIO);
  EXPECT_EQ(kernel.log(), Log{}) << "a suspension would wait for the held writes";
}

TEST_F(CopyStackTest, ForceLetsHeldWritesGoToBaseFirst) {
  be_ready();
  fail_target();
  kernel.clear_log();
  stack.withdraw(SuspendMode::kNoFlush);
  EXPECT_EQ(kernel.log(),
            then_removal({"unwatch dmjob-j-wr", "load dmjob-j-wr", "note dmjob-j-wr old",
                          "suspend dmjob-j-wr noflush", "note dmjob-j-wr new", "resume dmjob-j-wr",
                          "done dmjob-j-wr", "load vol", "note vol old", "suspend vol flush",
                          "note vol new", "resume vol", "done vol"}));
  EXPECT_EQ(volume(), own);
}

TEST_F(CopyStackTest, FlushOfAFailedMirrorWouldNeverEndAndBecomesForce) {
  mirror();
  fail_target();
  kernel.clear_log();
  stack.withdraw(SuspendMode::kFlush);
  EXPECT_EQ(kernel.log()[2], "suspend dmjob-j-wr noflush");
  EXPECT_EQ(volume(), own);
}

TEST_F(CopyStackTest, WithdrawsATrackerInOneSuspension) {
  interpose();
  kernel.clear_log();
  stack.withdraw(SuspendMode::kFlush);
  EXPECT_EQ(kernel.log(), then_removal({"load vol", "note vol old", "suspend vol flush",
                                        "note vol new", "resume vol", "done vol"}));
}

TEST_F(CopyStackTest, StaysInterposedIfWhatIsDoneInsideFails) {
  mirror();
  EXPECT_THROW(keep(stack, [] { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(volume(), bypass());
  EXPECT_EQ(writes(), mirror_on(1));
}

TEST_F(CopyStackTest, WithdrawsWhatIsHalfBuilt) {
  build();
  kernel.remove("dmjob-j-wr");
  kernel.clear_log();
  stack.withdraw(SuspendMode::kNoFlush);
  expect_nothing_but_the_volume();
  stack.withdraw(SuspendMode::kNoFlush);
  EXPECT_FALSE(volume_was_suspended());
}

TEST_F(CopyStackTest, WithdrawLeavesAVolumeAloneThatSomebodyElseHasRefreshed) {
  interpose();
  const Table theirs = linear_table(8192, makedev(8, 64));
  kernel.set_table("vol", theirs);
  kernel.clear_log();
  EXPECT_EQ(error_of([this] { stack.withdraw(SuspendMode::kFlush); }), ESTALE);
  EXPECT_FALSE(volume_was_suspended());
  EXPECT_EQ(volume(), theirs);
  expect_nothing_but_the_volume();
}

TEST_F(CopyStackTest, WithdrawAfterThePivotLeavesTheVolumeOnItsTarget) {
  be_ready();
  pivot(stack);
  kernel.clear_log();
  stack.withdraw(SuspendMode::kFlush);
  EXPECT_FALSE(volume_was_suspended());
  EXPECT_EQ(volume(), on_target());
  expect_nothing_but_the_volume();
}

TEST_F(CopyStackTest, RemovesWhatItCanAroundADeviceThatIsOpen) {
  interpose();
  kernel.set_opened("dmjob-j-base", 1);
  EXPECT_EQ(error_of([this] { stack.withdraw(SuspendMode::kFlush); }), EBUSY);
  EXPECT_EQ(kernel.names(), (Log{"dmjob-j-base", "dmjob-j-tgt", "vol"}));
  EXPECT_EQ(volume(), own);
}

// --- what build() refuses ---

struct Refusal {
  const char* what;
  void (*prepare)(FakeControl&);
  int error;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.what; }

const Refusal kRefusals[] = {
    {"missing", [](FakeControl& k) { k.set_opened("vol", 0), k.remove("vol"); }, ENODEV},
    {"read_only", [](FakeControl& k) { k.set_read_only("vol"); }, EROFS},
    {"empty", [](FakeControl& k) { k.set_table("vol", Table()); }, EINVAL},
    {"being_changed", [](FakeControl& k) { k.set_inactive_table("vol", error_table(8)); }, EBUSY},
    {"raid", [](FakeControl& k) { k.set_table("vol", Table::parse("0 8 raid raid1 ...")); },
     EOPNOTSUPP},
    {"on_the_target", [](FakeControl& k) { k.set_table("vol", linear_table(8, makedev(8, 32))); },
     EINVAL},
    {"with_a_strangers_device",
     [](FakeControl& k) { k.add_device("dmjob-j-base", error_table(8), "DMJOB-other-base"); },
     EEXIST},
};

class CopyStackRefuses : public testing::TestWithParam<Refusal>, protected CopyStage {};

TEST_P(CopyStackRefuses, BeforeAnythingIsMade) {
  hold();
  GetParam().prepare(kernel);
  kernel.clear_log();
  EXPECT_EQ(error_of([this] { stack.build(0); }), GetParam().error);
  EXPECT_EQ(kernel.log(), Log{});
}

INSTANTIATE_TEST_SUITE_P(Volumes, CopyStackRefuses, testing::ValuesIn(kRefusals),
                         [](const auto& row) { return std::string(row.param.what); });

TEST_F(CopyStackTest, RefusesAVolumeSuspendedByOthers) {
  hold();
  kernel.set_suspended("vol", true);
  EXPECT_EQ(error_of([this] { stack.build(0); }), EBUSY);
  EXPECT_TRUE(kernel.suspended("vol"));
  kernel.set_suspended("vol", false);
}

TEST_F(CopyStackTest, RemovesTheLeftoversOfItsOwnJobFirst) {
  hold();
  kernel.add_device("dmjob-j-err", error_table(8), "DMJOB-u-err");
  kernel.clear_log();
  stack.build(0);
  EXPECT_EQ(kernel.log()[0], "remove dmjob-j-err");
  EXPECT_EQ(kernel.log().size(), 7U);
}

TEST_F(CopyStackTest, IsNotBuiltTwiceUnderOneVolume) {
  interpose();
  kernel.clear_log();
  EXPECT_NE(error_of([this] { stack.build(0); }), 0);
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(CopyStackTest, DoesNotInterposeOnAnotherTableThanItWasBuiltOn) {
  build();
  kernel.set_table("vol", linear_table(8192, makedev(8, 64)));
  EXPECT_EQ(error_of([this] { stack.interpose(); }), ESTALE);
}

}  // namespace
}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
// CopyStack::take_up() and find() in each state that a real kernel can be left in.
#include "tests/kernel/dm/stage.h"

namespace dmjob::dm {
namespace {

using Kind = WriteMode::Kind;
using Volume = CopyStack::Found::Volume;

class FindKernelTest : public KernelStage {
 protected:
  CopyStack::Found find() { return CopyStack(control, ledger, spec()).find(); }
  CopyStack::Found take_up() { return CopyStack(control, ledger, spec()).take_up(); }
  bool anything_suspended() {
    for (const Device& entry : control.list()) {
      if (control.find(entry.name)->suspended) return true;
    }
    return false;
  }
};

TEST_F(FindKernelTest, Nothing) {
  make("vol", linear_table(kSize, source.dev()));
  const auto found = find();
  EXPECT_FALSE(found.base || found.wr || found.writes);
  EXPECT_EQ(found.volume, Volume::kOther);
}

TEST_F(FindKernelTest, Tracking) {
  interpose();
  const auto found = find();
  EXPECT_EQ(found.volume, Volume::kInterposed);
  EXPECT_EQ(found.writes, (WriteMode{Kind::kTracking, 0}));
}

TEST_F(FindKernelTest, MirroringAndTheTrackerThatWasLoadedAheadIsDroppedWhenItIsTakenUp) {
  be_ready();
  EXPECT_EQ(find().writes, (WriteMode{Kind::kMirroring, 1}));
  EXPECT_TRUE(control.find("dmjob-j-wr")->inactive_table) << "a look drops nothing";
  EXPECT_EQ(take_up().writes, (WriteMode{Kind::kMirroring, 1}));
  EXPECT_FALSE(control.find("dmjob-j-wr")->inactive_table);
}

TEST_F(FindKernelTest, Passing) {
  interpose();
  stack->preload({Kind::kPassing, 0});
  stack->switch_writes(SuspendMode::kFlush, [] {});
  EXPECT_EQ(find().writes, (WriteMode{Kind::kPassing, 0}));
}

TEST_F(FindKernelTest, OnTarget) {
  be_ready();
  pivot(*stack);
  EXPECT_EQ(find().volume, Volume::kOnTarget);
}

TEST_F(FindKernelTest, ASwitchThatWasNotFinishedIsResumed) {
  interpose();
  stack->preload({Kind::kMirroring, 1});
  control.suspend("dmjob-j-wr", SuspendMode::kFlush);
  EXPECT_EQ(take_up().writes, (WriteMode{Kind::kTracking, 0}));
  EXPECT_FALSE(anything_suspended());
  EXPECT_EQ(open("vol")->write_block(0, 1), 0);
}

TEST_F(FindKernelTest, APivotThatWasNotFinishedIsResumedWithTheOldTable) {
  be_ready();
  control.load("vol", linear_table(kSize, target));
  control.suspend("vol", SuspendMode::kFlush);
  EXPECT_EQ(take_up().volume, Volume::kInterposed);
  EXPECT_FALSE(anything_suspended());
  EXPECT_EQ(open("vol")->write_block(0, 1), 0);
}

TEST_F(FindKernelTest, AShellWithoutATableIsTakenAway) {
  make("vol", linear_table(kSize, source.dev()));
  ASSERT_EQ(shell("dmsetup create dmjob-j-wr --notable --uuid DMJOB-u-wr"), 0);
  CopyStack again(control, ledger, spec());
  EXPECT_FALSE(again.take_up().wr);
  again.remove_inner();
  EXPECT_EQ(control.find("dmjob-j-wr"), std::nullopt);
}

}  // namespace
}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
// A disk that a job holds, and what a copy does with it.
#include "dm/topology/held_disk.h"

#include <cerrno>

#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

class HeldDiskTest : public CopyStackTest {
 protected:
  const dev_t disk_ = makedev(8, 32);
  const dev_t other_ = makedev(8, 64);
};

TEST_F(HeldDiskTest, IsUnderAHiddenDeviceOverAllOfIt) {
  held.take(disk_, 16384);
  EXPECT_EQ(kernel.log(), Log{"create dmjob-j-tgt"});
  EXPECT_EQ(kernel.find("dmjob-j-tgt")->uuid, "DMJOB-u-tgt");
  EXPECT_EQ(kernel.table("dmjob-j-tgt"), linear_table(16384, disk_));
  EXPECT_EQ(held.disk(), disk_);
  EXPECT_EQ(held.device(), number("tgt"));
}

TEST_F(HeldDiskTest, IsTakenOnce) {
  held.take(disk_, 16384);
  kernel.clear_log();
  held.take(disk_, 16384);
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(HeldDiskTest, GivesWayToAnotherUnderTheSameDevice) {
  held.take(disk_, 16384);
  const dev_t device = held.device();
  held.take(other_, 16384);
  EXPECT_EQ(held.disk(), other_);
  EXPECT_EQ(held.device(), device);
}

TEST_F(HeldDiskTest, IsLetGoWhileItsDeviceStays) {
  held.take(disk_, 16384);
  held.let_go();
  EXPECT_EQ(held.disk(), dev_t{0});
  EXPECT_EQ(kernel.table("dmjob-j-tgt"), error_table(16384));
  held.take(disk_, 16384);
  EXPECT_EQ(held.disk(), disk_);
}

TEST_F(HeldDiskTest, IsLookedAtWhileNothingGoesThrough) {
  held.take(disk_, 16384);
  kernel.clear_log();
  bool at_rest = false;
  held.at_rest([&] { at_rest = kernel.suspended("dmjob-j-tgt"); });
  EXPECT_TRUE(at_rest);
  EXPECT_EQ(kernel.log(), (Log{"note dmjob-j-tgt old", "suspend dmjob-j-tgt flush",
                               "resume dmjob-j-tgt", "done dmjob-j-tgt"}));
}

TEST_F(HeldDiskTest, IsNobodysBeforeAndAfter) {
  EXPECT_EQ(held.disk(), dev_t{0});
  held.take(disk_, 16384);
  held.remove();
  held.remove();
  EXPECT_EQ(held.device(), dev_t{0});
}

TEST_F(HeldDiskTest, IsNotHeldByAStrangersDevice) {
  kernel.add_device("dmjob-j-tgt", linear_table(8, disk_), "DMJOB-other-tgt");
  EXPECT_EQ(held.disk(), dev_t{0});
  EXPECT_EQ(error_of([this] { held.take(disk_, 16384); }), EEXIST);
}

TEST_F(HeldDiskTest, StaysHeldWhateverTheCopyDoes) {
  for (const auto step : {&CopyStage::interpose, &CopyStage::be_ready}) {
    (this->*step)();
    EXPECT_EQ(held.disk(), disk_);
    stack.withdraw(SuspendMode::kFlush);
    EXPECT_EQ(held.disk(), disk_);
  }
}

TEST_F(HeldDiskTest, IsWhatTheMirrorWritesTo) {
  mirror();
  EXPECT_EQ(writes(), mirror_table(8192, number("log1"), 128, number("base"), number("tgt")));
}

TEST_F(HeldDiskTest, HasTheLogsThatAreInItsTail) {
  CopyStackSpec tail = spec();
  tail.scratch = 0;
  hold();
  CopyStack(kernel, ledger, tail).build(0);
  EXPECT_EQ(kernel.table("dmjob-j-log0"), linear_table(64, number("tgt"), 8));
}

TEST_F(HeldDiskTest, IsNeededForACopy) {
  EXPECT_EQ(error_of([this] { stack.build(0); }), EINVAL);
  EXPECT_EQ(kernel.log(), Log{});
}

// Its path may lead elsewhere by now, or nowhere.
TEST_F(HeldDiskTest, IsWhatTheVolumePivotsTo) {
  be_ready();
  CopyStackSpec wrong = spec();
  wrong.target = other_;
  CopyStack again(kernel, ledger, wrong);
  again.find();
  again.preload({Kind::kTracking, 2});
  pivot(again);
  EXPECT_EQ(volume(), on_target());
  EXPECT_TRUE(again.has_ended(CopyStack::End::kPivot));
}

// As an older dmjob has left it.
TEST_F(HeldDiskTest, IsNotFoundWhereNothingHoldsTheTarget) {
  interpose();
  held.remove();
  CopyStack again(kernel, ledger, spec());
  const auto found = again.find();
  EXPECT_FALSE(found.tgt);
  EXPECT_EQ(found.writes, std::nullopt);
  EXPECT_EQ(found.volume, CopyStack::Found::Volume::kInterposed);
  again.withdraw(SuspendMode::kNoFlush);
  EXPECT_EQ(volume(), own);
  expect_nothing_but_the_volume();
}

}  // namespace
}  // namespace dmjob::dm

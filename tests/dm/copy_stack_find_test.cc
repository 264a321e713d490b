// SPDX-License-Identifier: LGPL-2.1-or-later
// What an earlier process left in the kernel is found by a look, which changes nothing; and what it
// left suspended is resumed by whoever takes it up.
#include <cerrno>

#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

using Volume = CopyStack::Found::Volume;

class FindTest : public CopyStackTest {
 protected:
  CopyStack::Found find() {
    return look([](CopyStack& again) { return again.find(); });
  }
  CopyStack::Found take_up() {
    return look([](CopyStack& again) { return again.take_up(); });
  }
  template <typename Look>
  CopyStack::Found look(Look look) {
    CopyStack again(kernel, ledger, spec());
    kernel.clear_log();
    auto found = look(again);
    found_base_ = again.base();
    return found;
  }
  dev_t found_base_ = 0;
};

TEST_F(FindTest, NothingOfTheJob) {
  const auto found = find();
  EXPECT_FALSE(found.base);
  EXPECT_FALSE(found.wr);
  EXPECT_EQ(found.writes, std::nullopt);
  EXPECT_EQ(found.volume, Volume::kOther);
}

TEST_F(FindTest, NoVolume) {
  kernel.set_opened("vol", 0);
  kernel.remove("vol");
  EXPECT_EQ(find().volume, Volume::kMissing);
}

TEST_F(FindTest, ABuiltStackUnderAnUntouchedVolume) {
  build();
  const auto found = find();
  EXPECT_TRUE(found.base && found.wr);
  EXPECT_EQ(found.volume, Volume::kOther);
  EXPECT_EQ(found_base_, number("base"));
}

TEST_F(FindTest, Tracking) {
  interpose();
  const auto found = find();
  EXPECT_EQ(found.volume, Volume::kInterposed);
  EXPECT_EQ(found.writes, (WriteMode{Kind::kTracking, 0}));
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(FindTest, Mirroring) {
  mirror();
  EXPECT_EQ(find().writes, (WriteMode{Kind::kMirroring, 1}));
}

TEST_F(FindTest, Passing) {
  interpose();
  stack.preload({Kind::kPassing, 0});
  stack.switch_writes(SuspendMode::kFlush, [] {});
  EXPECT_EQ(find().writes, (WriteMode{Kind::kPassing, 0}));
}

TEST_F(FindTest, APivotedVolume) {
  be_ready();
  pivot(stack);
  EXPECT_EQ(find().volume, Volume::kOnTarget);
}

TEST_F(FindTest, ALookLeavesWhatIsLoaded) {
  be_ready();
  const auto found = find();
  EXPECT_EQ(kernel.log(), Log{});
  EXPECT_EQ(found.writes, (WriteMode{Kind::kMirroring, 1}));
  EXPECT_EQ(stack.preloaded(), (WriteMode{Kind::kTracking, 2})) << "the mirror could not be left";
  EXPECT_TRUE(ledger.watched("dmjob-j-wr"));
}

TEST_F(FindTest, ALookLeavesWhatIsSuspended) {
  be_ready();
  kernel.set_inactive_table("vol", on_target());
  kernel.set_suspended("vol", true);
  EXPECT_TRUE(find().volume_suspended);
  EXPECT_EQ(kernel.log(), Log{}) << "it may be a step of ours that is under way";
  kernel.set_suspended("vol", false);
}

TEST_F(FindTest, NothingIsLoadedAtFirst) {
  interpose();
  EXPECT_EQ(stack.preloaded(), std::nullopt);
}

TEST_F(FindTest, DropsATableThatWasLoadedAndNeverUsed) {
  interpose();
  stack.preload({Kind::kTracking, 1});
  take_up();
  EXPECT_EQ(kernel.log(), Log{"clear dmjob-j-wr"});
}

TEST_F(FindTest, ResumesASwitchThatWasNotFinished) {
  interpose();
  stack.preload({Kind::kMirroring, 1});
  kernel.set_suspended("dmjob-j-wr", true);
  EXPECT_EQ(take_up().writes, (WriteMode{Kind::kTracking, 0}));
  EXPECT_EQ(kernel.log(), (Log{"clear dmjob-j-wr", "resume dmjob-j-wr"}));
}

TEST_F(FindTest, ResumesAPivotThatWasNotFinishedWithTheOldTable) {
  be_ready();
  kernel.set_inactive_table("vol", on_target());
  kernel.set_suspended("vol", true);
  EXPECT_EQ(take_up().volume, Volume::kInterposed);
  EXPECT_EQ(volume(), bypass());
}

TEST_F(FindTest, ResumesAnInterpositionThatWasNotFinishedWithTheOldTable) {
  build();
  kernel.set_inactive_table("vol", bypass());
  kernel.set_suspended("vol", true);
  EXPECT_FALSE(take_up().volume_suspended);
  EXPECT_EQ(volume(), own);
}

TEST_F(FindTest, ResumesFromTheBottomUp) {
  mirror();
  kernel.set_suspended("dmjob-j-wr", true);
  kernel.set_suspended("vol", true);
  take_up();
  EXPECT_EQ(kernel.log(), (Log{"resume dmjob-j-wr", "resume vol"}));
}

TEST_F(FindTest, LeavesASuspensionThatIsNotOurs) {
  build();
  kernel.set_suspended("vol", true);
  EXPECT_TRUE(take_up().volume_suspended);
  EXPECT_TRUE(kernel.suspended("vol"));
  kernel.set_suspended("vol", false);
}

TEST_F(FindTest, LeavesATableThatSomebodyElseHasLoaded) {
  interpose();
  kernel.set_table("vol", own);
  kernel.set_inactive_table("vol", linear_table(8192, makedev(8, 64)));
  take_up();
  EXPECT_TRUE(kernel.find("vol")->inactive_table);
}

TEST_F(FindTest, ADeviceWithOurNameAndAnotherUuidIsAnError) {
  kernel.add_device("dmjob-j-err", error_table(8), "DMJOB-other-err");
  EXPECT_EQ(error_of([this] { take_up(); }), EEXIST);
}

}  // namespace
}  // namespace dmjob::dm

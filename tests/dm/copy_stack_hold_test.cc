// SPDX-License-Identifier: LGPL-2.1-or-later
// The moment in which the volume is held while both sides are mirrored.
#include <cerrno>
#include <system_error>

#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

class HoldTest : public testing::Test, protected CopyStage {
 protected:
  ~HoldTest() override {
    EXPECT_EQ(kernel.suspended_devices(), Log{});
    EXPECT_EQ(kernel.violations(), Log{});
  }
  int hold() {
    return error_of([this] { stack.hold([this] { held = kernel.suspended_devices(); }); });
  }

  Log held;
};

TEST_F(HoldTest, NothingButTheVolumeIsSuspendedAndItsTableStays) {
  be_ready();
  kernel.clear_log();
  EXPECT_EQ(hold(), 0);
  EXPECT_EQ(kernel.log(), (Log{"note vol old", "suspend vol flush", "resume vol", "done vol"}));
  EXPECT_EQ(held, Log{"vol"});
  EXPECT_EQ(volume(), bypass());
  EXPECT_EQ(writes(), mirror_on(1));
}

TEST_F(HoldTest, TheTrackerToFallBackToStaysLoadedAndWatched) {
  be_ready();
  hold();
  EXPECT_EQ(kernel.inactive_table("dmjob-j-wr"), tracker(2));
  EXPECT_TRUE(ledger.watched("dmjob-j-wr"));
}

TEST_F(HoldTest, ATrackerIsNotHeld) {
  interpose();
  EXPECT_EQ(hold(), EIO);
  EXPECT_EQ(held, Log{});
}

TEST_F(HoldTest, BesideAFailedTargetNothingIsSuspended) {
  be_ready();
  fail_target();
  kernel.clear_log();
  EXPECT_EQ(hold(), EIO);
  EXPECT_EQ(kernel.log(), Log{}) << "a suspension would wait for the held writes";
}

TEST_F(HoldTest, AVolumeThatSomebodyElseIsAboutToChangeIsLeftAlone) {
  be_ready();
  kernel.set_inactive_table("vol", error_table(8192));
  EXPECT_EQ(hold(), EBUSY);
  EXPECT_EQ(kernel.inactive_table("vol"), error_table(8192));
}

TEST_F(HoldTest, AnErrorWithinIsPassedOn) {
  be_ready();
  const auto fail = [] { throw std::system_error(ENOSPC, std::generic_category()); };
  EXPECT_EQ(error_of([&] { stack.hold(fail); }), ENOSPC);
  EXPECT_EQ(volume(), bypass());
}

}  // namespace
}  // namespace dmjob::dm

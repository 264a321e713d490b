// SPDX-License-Identifier: LGPL-2.1-or-later
// The volume that a job was made for is the one with its uuid, whatever it is called by now.
#include "libjob/drivers/plan/planned_volume.h"

#include <gmock/gmock.h>
#include <sys/sysmacros.h>

#include "dm/targets.h"
#include "libjob/core/error.h"
#include "tests/support/fake_control.h"

namespace dmjob::drivers {
namespace {

class PlannedVolumeTest : public testing::Test {
 protected:
  PlannedVolumeTest() {
    plan_.volume = "vg-lv";
    plan_.size = 8192 * 512;
    plan_.source_disk.lasting = "dm/uuid=LVM-one";
  }
  void add(const std::string& name, const std::string& uuid) {
    kernel_.add_device(name, dm::linear_table(8192, makedev(8, 0)), uuid);
  }
  std::string name_now() { return name_of_planned_volume(kernel_, plan_); }
  std::string refusal() {
    try {
      require_planned_volume(kernel_, plan_);
    } catch (const core::Error& error) {
      return error.what();
    }
    return "";
  }

  dm::FakeControl kernel_;
  CopyPlan plan_;
};

TEST_F(PlannedVolumeTest, HasItsNameStill) {
  add("other", "LVM-two");
  add("vg-lv", "LVM-one");
  EXPECT_EQ(name_now(), "vg-lv");
  EXPECT_EQ(refusal(), "");
}

TEST_F(PlannedVolumeTest, IsFoundByItsUuidAndAnotherOfItsNameIsNotTakenForIt) {
  add("vg-lv", "LVM-two");
  add("vg-new", "LVM-one");
  EXPECT_EQ(name_now(), "vg-new");
  EXPECT_EQ(refusal(), "volume 'vg-lv' is another one than that of the job: start it again");
  plan_.volume = name_now();
  EXPECT_EQ(refusal(), "");
}

TEST_F(PlannedVolumeTest, ThatIsNotThereKeepsItsName) {
  add("vg-other", "LVM-two");
  EXPECT_EQ(name_now(), "vg-lv");
  EXPECT_EQ(refusal(), "volume 'vg-lv' is not there any more");
}

TEST_F(PlannedVolumeTest, WithoutAUuidIsKnownByItsName) {
  plan_.source_disk.lasting.clear();
  add("vg-lv", "");
  add("unnamed", "");
  EXPECT_EQ(name_now(), "vg-lv");
}

}  // namespace
}  // namespace dmjob::drivers

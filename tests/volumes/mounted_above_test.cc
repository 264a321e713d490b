// SPDX-License-Identifier: LGPL-2.1-or-later
// What of that which is mounted above a volume is not frozen with it, and in which words.
#include "libjob/volumes/mounted_above.h"

#include <gmock/gmock.h>
#include <sys/sysmacros.h>

#include "dm/name.h"
#include "dm/targets.h"
#include "tests/support/fake_control.h"

namespace dmjob::volumes {
namespace {

using dm::linear_table;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const dev_t kMd = makedev(9, 300);
const dev_t kLoop = makedev(7, 300);

class MountedAboveTest : public testing::Test {
 protected:
  MountedAboveTest() { vol_ = kernel_.add_device("vol", linear_table(8, makedev(8, 0))); }

  dev_t stack(const std::string& name, dev_t below, const std::string& uuid = "") {
    const dev_t dev = kernel_.add_device(name, linear_table(8, below), uuid);
    kernel_.set_opened(name, 1);
    return dev;
  }
  void mount(dev_t number, const std::string& point, const std::string& type = "ext4") {
    table_.mounted.push_back(
        {.number = number, .type = type, .read_only = false, .points = {point}, .disks = {number}});
  }
  MountedAbove look() { return look_at_mounts(kernel_, "vol", table_); }
  std::vector<std::string> frozen() {
    std::vector<std::string> points;
    for (const io::Mounted& mounted : look().frozen) points.push_back(mounted.points.front());
    return points;
  }
  std::vector<std::string> others() {
    std::vector<std::string> lines;
    for (const NotFrozen& one : look().others) lines.push_back(in_words(one, "vol"));
    return lines;
  }

  dm::FakeControl kernel_;
  io::MountTable table_;
  dev_t vol_ = 0;
};

TEST_F(MountedAboveTest, WhatTheFreezingReachesIsNotNamed) {
  mount(vol_, "/vol");
  mount(stack("top", stack("middle", vol_)), "/top");
  mount(makedev(8, 99), "/unrelated");
  EXPECT_THAT(frozen(), ElementsAre("/vol", "/top"));
  EXPECT_THAT(others(), IsEmpty());
}

TEST_F(MountedAboveTest, AnArrayOfMdIsNamedWithWhatIsMountedOnIt) {
  kernel_.add_holder(vol_, {"md300", kMd});
  EXPECT_THAT(others(), IsEmpty());
  mount(kMd, "/srv");
  EXPECT_THAT(others(), ElementsAre("the ext4 at /srv, on md300, is not frozen with volume 'vol': "
                                    "md300 is no device-mapper device"));
  EXPECT_THAT(frozen(), IsEmpty());
}

TEST_F(MountedAboveTest, WhatStandsOnAnArrayIsNamedToo) {
  kernel_.add_holder(vol_, {"md300", kMd});
  mount(stack("lv", kMd), "/srv");
  EXPECT_THAT(others(), ElementsAre(HasSubstr(" at /srv, on dm-")));
  EXPECT_THAT(others(), ElementsAre(HasSubstr(": md300 is no device-mapper device")));
}

TEST_F(MountedAboveTest, ADeviceThatIsNotToBeSuspendedIsNamed) {
  mount(kernel_.add_device(
            "raid", dm::Table::parse("0 8 raid raid1 3 0 region_size 1 " + dm::print_dev(vol_))),
        "/srv");
  kernel_.set_opened("raid", 1);
  EXPECT_THAT(others(), ElementsAre(HasSubstr(": raid has a raid target")));
}

TEST_F(MountedAboveTest, AnotherVolumeWithAJobIsNamedByTheFirstOfItsDevices) {
  const dev_t base = stack("dmjob-k-base", vol_, std::string(dm::kInnerUuidPrefix) + "k-base");
  mount(stack("upper", base, dm::volume_uuid("u")), "/upper");
  EXPECT_THAT(others(),
              ElementsAre(HasSubstr(": dmjob-k-base belongs to another volume or job of dmjob")));
}

TEST_F(MountedAboveTest, ALoopDeviceIsFoundOverADiskAndOverAFile) {
  mount(vol_, "/srv");
  mount(kLoop, "/image");
  mount(makedev(7, 301), "/nested");
  table_.loops = {{kLoop, vol_}, {makedev(7, 301), kLoop}};
  EXPECT_THAT(frozen(), ElementsAre("/srv"));
  EXPECT_THAT(others(), ElementsAre(HasSubstr(" at /image"), HasSubstr(" at /nested")));
  EXPECT_THAT(others().front(), HasSubstr(" is a loop device"));
}

// It is known to the kernel by a number of its own.
TEST_F(MountedAboveTest, ABtrfsIsNamedAndSoIsALoopDeviceOverItsFile) {
  const dev_t number = makedev(0, 40);
  table_.mounted.push_back({.number = number,
                            .type = "btrfs",
                            .read_only = false,
                            .points = {"/data", "/data/sub"},
                            .disks = {makedev(8, 50), vol_}});
  mount(kLoop, "/image");
  table_.loops = {{kLoop, number}};
  EXPECT_THAT(others(), ElementsAre("the btrfs at /data and elsewhere is not frozen with volume "
                                    "'vol': the kernel does not freeze a btrfs",
                                    HasSubstr(" at /image")));
}

TEST_F(MountedAboveTest, WhatAProgramServesIsNamed) {
  mount(vol_, "/mnt", "fuseblk");
  EXPECT_THAT(others(), ElementsAre("the fuseblk at /mnt is not frozen with volume 'vol': what its "
                                    "program still holds is not written"));
}

TEST_F(MountedAboveTest, WhatIsOnlyReadIsNotNamed) {
  kernel_.add_holder(vol_, {"md300", kMd});
  mount(kMd, "/srv");
  table_.mounted.back().read_only = true;
  EXPECT_THAT(others(), IsEmpty());
}

TEST_F(MountedAboveTest, WhatIsMountedInAnotherNamespaceOnlyIsNamed) {
  kernel_.add_holder(vol_, {"md300", kMd});
  kernel_.set_mounted(kMd);
  kernel_.set_mounted(vol_);
  kernel_.set_mounted(makedev(8, 99));
  EXPECT_THAT(others(), ElementsAre("the file system that is mounted in another namespace, on "
                                    "md300, is not frozen with volume 'vol': md300 is no "
                                    "device-mapper device"));
  mount(kMd, "/srv");
  EXPECT_THAT(others(), ElementsAre(HasSubstr(" at /srv, on md300")));
}

TEST_F(MountedAboveTest, AVolumeThatIsNotThereHasNothingAbove) {
  EXPECT_THAT(look_at_mounts(kernel_, "gone", table_).others, IsEmpty());
  EXPECT_THAT(not_frozen_with(kernel_, "gone"), IsEmpty());
}

TEST_F(MountedAboveTest, WhatCannotBeToldIsSaid) {
  class Broken : public dm::FakeControl {
    std::optional<dm::Device> find(const std::string& name) override {
      throw std::system_error(EIO, std::generic_category(), name);
    }
  } broken;
  EXPECT_THAT(not_frozen_with(broken, "vol"), ElementsAre(HasSubstr("cannot be told: vol")));
}

}  // namespace
}  // namespace dmjob::volumes

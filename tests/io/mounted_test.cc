// SPDX-License-Identifier: LGPL-2.1-or-later
// Which mounts are one file system, and which one a loop device's file is in. btrfs, whose disks
// the kernel tells: tests/kernel.
#include "libjob/io/mounted.h"

#include <gmock/gmock.h>
#include <sys/sysmacros.h>

namespace dmjob::io {
namespace {

using testing::ElementsAre;

constexpr const char* kMounts =
    "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "21 20 0:5 / /run rw - tmpfs run rw\n"
    "22 20 8:2 / /srv rw - xfs /dev/sda2 rw,attr2\n"
    "23 20 8:2 /inner /bound ro - xfs /dev/sda2 rw,attr2\n"
    "24 20 7:3 / /snap rw - squashfs /dev/loop3 ro,errors=continue\n"
    "25 20 0:40 / /nfs rw - nfs4 host:/x rw,addr=192.0.2.1\n"
    "26 20 0:41 / /merged rw - overlay overlay rw,lowerdir=/a:/b\n";

std::vector<sysfs::Mount> mounts() { return sysfs::parse_mountinfo(kMounts); }

dev_t below(const std::string& file) { return place_loops(mounts(), {{1, file}}).at(0).below; }

TEST(Mounted, AFileSystemIsOneHoweverOftenItIsMounted) {
  const std::vector<Mounted> all = mounted_on_disks(mounts());
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[1].number, makedev(8, 2));
  EXPECT_EQ(all[1].type, "xfs");
  EXPECT_THAT(all[1].points, ElementsAre("/srv", "/bound"));
  EXPECT_THAT(all[1].disks, ElementsAre(makedev(8, 2)));
}

// Not if one of its mounts is.
TEST(Mounted, IsReadOnlyIfTheFileSystemIs) {
  const std::vector<Mounted> all = mounted_on_disks(mounts());
  EXPECT_FALSE(all.at(1).read_only);
  EXPECT_TRUE(all.at(2).read_only);
}

TEST(Mounted, TheFileOfALoopDeviceIsInTheFileSystemThatIsMountedNearest) {
  EXPECT_EQ(below("/srv/images/a"), makedev(8, 2));
  EXPECT_EQ(below("/srv2/images/a"), makedev(8, 1));
  EXPECT_EQ(below("/run/a (deleted)"), makedev(0, 5));
  EXPECT_EQ(below("/nfs/a"), makedev(0, 40));
}

TEST(Mounted, AMountOverAnotherHidesIt) {
  auto all = mounts();
  all.push_back(sysfs::parse_mountinfo("30 22 8:7 / /srv rw - ext4 /dev/sda7 rw\n").at(0));
  EXPECT_EQ(place_loops(all, {{1, "/srv/a"}}).at(0).below, makedev(8, 7));
}

}  // namespace
}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/managed_volumes.h"

#include <gtest/gtest.h>

#include "libjob/io/uuid.h"

namespace dmjob::volumes {
namespace {

const io::DiskIdentity kNewDisk{.instance = "boot 8:16", .lasting = "serial=new"};

ManagedVolume volume(const std::string& name) {
  return {.name = name,
          .uuid = io::new_uuid(),
          .device = "/dev/old",
          .disk = {.instance = "boot 8:0", .lasting = "serial=old"},
          .sectors = 2048,
          .pivot_to = std::nullopt,
          .overlay = std::nullopt,
          .error = {}};
}

class ManagedVolumesTest : public testing::Test {
 protected:
  ManagedVolumesTest() { volumes_.add(volume("data")); }

  // What the next start finds.
  ManagedVolumes after_restart() const {
    ManagedVolumes next;
    next.restore(volumes_.record());
    return next;
  }

  ManagedVolumes volumes_;
};

TEST_F(ManagedVolumesTest, AVolumeIsThereAfterARestart) {
  const ManagedVolumes next = after_restart();
  ASSERT_NE(next.find("data"), nullptr);
  EXPECT_EQ(next.find("data")->uuid, volumes_.find("data")->uuid);
  EXPECT_EQ(next.find("data")->device, "/dev/old");
  EXPECT_EQ(next.find("data")->disk.lasting, "serial=old");
  EXPECT_EQ(next.find("data")->sectors, 2048U);
}

TEST_F(ManagedVolumesTest, ADecidedPivotIsThereAfterARestart) {
  volumes_.set_pivot("data", "/dev/new", kNewDisk);
  EXPECT_EQ(after_restart().find("data")->pivot_to, "/dev/new");
  EXPECT_EQ(after_restart().find("data")->pivot_disk, kNewDisk);
  EXPECT_EQ(after_restart().find("data")->device, "/dev/old");
}

TEST_F(ManagedVolumesTest, AFinishedPivotIsTheNewDisk) {
  volumes_.set_pivot("data", "/dev/new", kNewDisk);
  volumes_.finish_pivot("data");
  EXPECT_EQ(after_restart().find("data")->device, "/dev/new");
  EXPECT_EQ(after_restart().find("data")->disk, kNewDisk);
  EXPECT_EQ(after_restart().find("data")->pivot_to, std::nullopt);
}

TEST_F(ManagedVolumesTest, EachDecisionHasAnIdOfItsOwnByWhichItIsRevoked) {
  volumes_.add(volume("other"));
  volumes_.set_pivot("data", "/dev/new", kNewDisk);
  const std::string first = volumes_.find("data")->decision;
  volumes_.set_pivot("data", "/dev/new", kNewDisk);
  volumes_.set_pivot("other", "/dev/new2", kNewDisk);
  ManagedVolumes next = after_restart();
  EXPECT_NE(next.find("data")->decision, first);
  EXPECT_EQ(next.revoke_pivots({first, ""}), std::vector<std::string>{});
  EXPECT_EQ(next.revoke_pivots({next.find("data")->decision}), std::vector<std::string>{"data"});
  EXPECT_EQ(next.find("data")->pivot_to, std::nullopt);
  EXPECT_EQ(next.find("other")->pivot_to, "/dev/new2");
}

TEST_F(ManagedVolumesTest, ADecisionOfAnOlderStateFileHasNoIdAndStands) {
  volumes_.set_pivot("data", "/dev/new", kNewDisk);
  auto record = volumes_.record();
  record[0].erase("pivot-id");
  ManagedVolumes next;
  next.restore(record);
  EXPECT_EQ(next.revoke_pivots({"0123456789abcdef0123456789abcdef"}), std::vector<std::string>{});
  EXPECT_EQ(next.find("data")->pivot_to, "/dev/new");
}

TEST_F(ManagedVolumesTest, ARevokedPivotLeavesNoTrace) {
  const auto before = volumes_.record();
  volumes_.set_pivot("data", "/dev/new", kNewDisk);
  volumes_.revoke_pivot("data");
  EXPECT_EQ(volumes_.record(), before);
}

TEST_F(ManagedVolumesTest, WhyAVolumeIsNotActiveIsNotStored) {
  volumes_.set_error("data", "its disk is away");
  EXPECT_EQ(after_restart().find("data")->error, "");
  volumes_.set_late("data", "its disk is away", true);
  EXPECT_FALSE(after_restart().find("data")->late);
  volumes_.set_active("data");
  EXPECT_EQ(volumes_.find("data")->error, "");
  EXPECT_FALSE(volumes_.find("data")->late || volumes_.find("data")->absent);
}

TEST_F(ManagedVolumesTest, ALinkIsOneVolumesOnly) {
  ManagedVolume first = *volumes_.find("data");
  first.links = {"disk/by-partuuid/1", "disk/by-partlabel/a"};
  ManagedVolume second = first;
  second.name = "over";
  second.links.push_back("disk/by-partuuid/2");
  for (int i = 0; i < 2; ++i) {
    volumes_.add(first);
    volumes_.add(second);
    EXPECT_EQ(volumes_.find("data")->links, first.links);
    EXPECT_EQ(volumes_.find("over")->links, std::vector<std::string>{"disk/by-partuuid/2"});
  }
}

TEST_F(ManagedVolumesTest, ARemovedVolumeIsUnknown) {
  volumes_.remove("data");
  EXPECT_EQ(volumes_.find("data"), nullptr);
  EXPECT_EQ(after_restart().find("data"), nullptr);
}

}  // namespace
}  // namespace dmjob::volumes

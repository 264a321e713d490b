// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/hidden_disks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libjob/io/uuid.h"

namespace dmjob::volumes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

HiddenDisk disk(const std::string& serial, const std::string& role = "disk") {
  return {.path = "/dev/" + serial,
          .disk = {.instance = "boot 8:0 " + serial, .lasting = "serial=" + serial},
          .volume = "data",
          .role = role};
}

class HiddenDisksTest : public testing::Test {
 protected:
  HiddenDisksTest() {
    volumes.add({.name = "data", .uuid = io::new_uuid(), .device = "/dev/a", .error = {}});
  }

  std::vector<std::string> hidden() const {
    std::vector<std::string> words;
    for (const HiddenDisk& one : disks.all()) words.push_back(one.path + " " + one.role);
    return words;
  }

  ManagedVolumes volumes;
  HiddenDisks disks;
};

TEST_F(HiddenDisksTest, WhatIsInUseIsHidden) {
  disks.follow({disk("a"), disk("b", "target")}, volumes);
  EXPECT_THAT(hidden(), ElementsAre("/dev/a disk", "/dev/b target"));
  EXPECT_THAT(disks.old(), IsEmpty());
}

TEST_F(HiddenDisksTest, AfterAPivotTheOldDiskStaysHidden) {
  disks.follow({disk("a"), disk("b", "target")}, volumes);
  disks.follow({disk("b")}, volumes);
  EXPECT_THAT(hidden(), ElementsAre("/dev/b disk", "/dev/a old disk"));
}

TEST_F(HiddenDisksTest, ATargetThatWasGivenUpStaysHidden) {
  disks.follow({disk("a"), disk("b", "target")}, volumes);
  disks.follow({disk("a")}, volumes);
  EXPECT_THAT(hidden(), ElementsAre("/dev/a disk", "/dev/b old disk"));
}

TEST_F(HiddenDisksTest, ADetachedVolumesDiskIsAsAnyOtherAndItsOldOnesStay) {
  disks.follow({disk("a"), disk("b", "target")}, volumes);
  disks.follow({disk("b")}, volumes);
  volumes.remove("data");
  disks.follow({}, volumes);
  EXPECT_THAT(hidden(), ElementsAre("/dev/a old disk"));
}

TEST_F(HiddenDisksTest, ATargetOfWhatIsNoVolumeIsHiddenAsLongAsItsJob) {
  HiddenDisk target = disk("b", "target");
  target.volume = "";
  disks.follow({target}, volumes);
  EXPECT_THAT(hidden(), ElementsAre("/dev/b target"));
  disks.follow({}, volumes);
  EXPECT_THAT(hidden(), IsEmpty());
}

TEST_F(HiddenDisksTest, AnOldDiskThatIsUsedAgainIsOldNoMore) {
  disks.follow({disk("a"), disk("b", "target")}, volumes);
  disks.follow({disk("b")}, volumes);
  disks.follow({disk("b"), disk("a", "target")}, volumes);
  EXPECT_THAT(disks.old(), IsEmpty());
  EXPECT_THAT(hidden(), ElementsAre("/dev/b disk", "/dev/a target"));
}

TEST_F(HiddenDisksTest, OldDisksAreThereAfterARestartAndCanBeReleased) {
  disks.follow({disk("a")}, volumes);
  disks.follow({disk("b")}, volumes);
  HiddenDisks next;
  next.restore(disks.record());
  next.follow({disk("b")}, volumes);
  const io::DiskIdentity now{.instance = "later 8:32 1", .lasting = "serial=a"};
  EXPECT_EQ(next.release("/dev/elsewhere", disk("c").disk), std::nullopt);
  const auto released = next.release("/dev/elsewhere", now);
  ASSERT_TRUE(released);
  EXPECT_EQ(released->path, "/dev/a");
  EXPECT_THAT(next.old(), IsEmpty());
}

TEST_F(HiddenDisksTest, ADiskThatIsAwayIsReleasedByItsPath) {
  disks.follow({disk("a")}, volumes);
  disks.follow({disk("b")}, volumes);
  EXPECT_TRUE(disks.release("/dev/a", {}));
}

TEST_F(HiddenDisksTest, DisksThatSayTheSameOfThemselvesAreNotTheSame) {
  for (const char* const serial : {"(null)", "0000", "", "(null) part1"}) {
    HiddenDisk one = disk("a");
    HiddenDisk two = disk("b", "target");
    one.disk.lasting = two.disk.lasting = *serial == '\0' ? "" : "serial=" + std::string(serial);
    HiddenDisks both;
    both.follow({one, two}, volumes);
    EXPECT_EQ(both.all().size(), 2U) << serial;
  }
}

TEST_F(HiddenDisksTest, AFileIsNoDisk) {
  HiddenDisk file = disk("a");
  file.disk = {};
  disks.follow({file}, volumes);
  EXPECT_THAT(hidden(), IsEmpty());
}

}  // namespace
}  // namespace dmjob::volumes

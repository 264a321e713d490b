// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/hiding_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dmjob::volumes {
namespace {

using testing::HasSubstr;
using testing::Not;

HiddenDisk disk(const std::string& lasting) {
  return {.path = "/dev/x",
          .disk = {.instance = "another-boot 8:0 1", .lasting = lasting},
          .volume = "data",
          .role = "old disk"};
}

std::string rules_of(const std::string& lasting) {
  return hiding_rules({disk(lasting)}, {}).lasting;
}

std::string hides(const std::string& match) { return "\n" + match + ", ENV{DMJOB_HIDDEN}=\"1\"\n"; }

TEST(HidingRules, NothingToHideIsNoFile) {
  EXPECT_EQ(hiding_rules({}, {}).lasting, "");
  EXPECT_EQ(hiding_rules({}, {}).this_boot, "");
}

TEST(HidingRules, ADiskIsMatchedWithItsPartitions) {
  EXPECT_THAT(rules_of("device/wwid=naa.5000"),
              HasSubstr(hides(R"(ATTRS{device/wwid}=="naa.5000")")));
}

TEST(HidingRules, APartitionIsMatchedByItsDiskAndItsNumber) {
  EXPECT_THAT(rules_of("serial=A part7 part2"),
              HasSubstr(hides(
                  R"(ENV{DEVTYPE}=="partition", ATTR{partition}=="2", ATTRS{serial}=="A part7")")));
}

TEST(HidingRules, APartitionThatOnlyItsEntryNamesIsLookedInto) {
  const std::string rules = rules_of("partuuid=12345678-01");
  const auto look = rules.find("IMPORT{builtin}=\"blkid\"");
  const auto match = rules.find(R"(ENV{ID_PART_ENTRY_UUID}=="12345678-01")");
  EXPECT_LT(look, match);
  EXPECT_NE(match, std::string::npos);
  EXPECT_THAT(rules_of("serial=A part2"), Not(HasSubstr("blkid")));
}

TEST(HidingRules, ADmDiskIsMatchedWithTheDevicesOfItsPartitions) {
  EXPECT_THAT(rules_of("dm/uuid=LVM-abc"), HasSubstr(hides(R"(ATTR{dm/uuid}=="LVM-abc")")));
  EXPECT_THAT(rules_of("dm/uuid=LVM-abc"), HasSubstr(hides(R"(ATTR{dm/uuid}=="part*-LVM-abc")")));
}

TEST(HidingRules, ALoopDeviceIsMatchedByItsFileAndItsPart) {
  EXPECT_THAT(
      rules_of("loop=17 512 0 /srv/a b.img"),
      HasSubstr(hides(R"(ATTRS{loop/backing_file}=="/srv/a b.img", ATTRS{loop/offset}=="512", )"
                      R"(ATTRS{loop/sizelimit}=="0")")));
}

TEST(HidingRules, WhatMeansMoreThanItselfIsAnyCharacter) {
  EXPECT_THAT(rules_of("serial=a\"b*c|d[e\\f  "),
              HasSubstr(hides(R"(ATTRS{serial}=="a?b?c?d?e?f")")));
}

TEST(HidingRules, APathCannotAddALine) {
  HiddenDisk one = disk("serial=a");
  one.path = "/dev/x\nRUN+=\"rm\"\\";
  const std::string rules = hiding_rules({one}, {}).lasting;
  EXPECT_THAT(rules, HasSubstr("# old disk of volume 'data': /dev/x?RUN+=\"rm\"?\n"));
}

TEST(HidingRules, ADiskOfAnotherBootThatTellsNothingIsNotGuessed) {
  const HidingRules rules = hiding_rules({disk("")}, {});
  EXPECT_EQ(rules.lasting, "");
  EXPECT_EQ(rules.this_boot, "");
}

TEST(HidingRules, ASerialNumberThatManyHaveNamesNone) {
  EXPECT_EQ(rules_of("serial=(null)"), "");
  EXPECT_EQ(rules_of("serial=(null) part1"), "");
}

TEST(HidingRules, ADiskThatTellsNothingIsHiddenUntilTheBoot) {
  HiddenDisk one = disk("");
  one.disk.instance = io::boot_id() + " 8:4096 77";
  EXPECT_THAT(hiding_rules({one}, {}).this_boot, HasSubstr(hides(R"(ATTRS{diskseq}=="77")")));
}

TEST(HidingRules, APartitionsNamesAreItsVolumes) {
  const HidingRules rules = hiding_rules(
      {}, {{.uuid = "abc", .links = {"disk/by-partuuid/1-02", "disk/by-partlabel/a%b\"c"}}});
  EXPECT_THAT(rules.lasting,
              HasSubstr(R"(ATTR{dm/uuid}=="DMJOBV-abc", SYMLINK+="disk/by-partuuid/1-02")"));
  EXPECT_THAT(rules.lasting, HasSubstr(R"(SYMLINK+="disk/by-partlabel/a%%bc")"));
}

}  // namespace
}  // namespace dmjob::volumes

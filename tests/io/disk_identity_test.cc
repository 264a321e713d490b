// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/disk_identity.h"

#include <gtest/gtest.h>

#include <system_error>

namespace dmjob::io {
namespace {

const DiskIdentity kHere{"boot-1 8:16 5", "wwid=naa.5000"};

TEST(DiskIdentityTest, ADiskThatWasNeverAwayIsTheSame) {
  EXPECT_EQ(compare(kHere, kHere), Sameness::kSame);
  EXPECT_EQ(compare({"boot-1 8:16 5", ""}, {"boot-1 8:16 5", ""}), Sameness::kSame);
}

TEST(DiskIdentityTest, ADiskThatCameBackIsKnownByItsOwnName) {
  EXPECT_EQ(compare(kHere, {"boot-1 8:32 9", "wwid=naa.5000"}), Sameness::kSame);
  EXPECT_EQ(compare(kHere, {"boot-2 8:16 1", "wwid=naa.5000"}), Sameness::kSame);
}

TEST(DiskIdentityTest, AnotherDiskInItsPlaceIsNotTakenForIt) {
  EXPECT_EQ(compare(kHere, {"boot-1 8:16 6", "wwid=naa.6000"}), Sameness::kDifferent);
  EXPECT_EQ(compare(kHere, {"boot-1 8:16 6", ""}), Sameness::kDifferent);
}

TEST(DiskIdentityTest, ALoopDeviceIsKnownByWhatEarlierVersionsHaveStored) {
  const DiskIdentity before{"boot-1 7:0 5", "loop/backing_file=/a"};
  EXPECT_EQ(compare(before, {"boot-2 7:1 1", "loop=12 0 0 /a"}), Sameness::kSame);
  EXPECT_EQ(compare(before, {"boot-2 7:1 1", "loop=12 0 0 /b/a"}), Sameness::kDifferent);
}

TEST(DiskIdentityTest, OfADiskWithoutANameNothingIsKnown) {
  EXPECT_EQ(compare({"boot-1 8:16 5", ""}, {"boot-1 8:16 6", ""}), Sameness::kUnknown);
}

TEST(DiskIdentityTest, WhatManySayOfThemselvesNamesNone) {
  for (const char* const name : {"", "serial=(null)", "serial=0000 part1", "device/serial= - "}) {
    EXPECT_FALSE(tells_who_it_is({"", name})) << name;
    EXPECT_EQ(compare({"boot-1 8:16 5", name}, {"boot-1 8:16 6", name}), Sameness::kUnknown);
    EXPECT_EQ(compare({"boot-1 8:16 5", name}, {"boot-2 8:17 1", "partuuid=1-02"}),
              Sameness::kUnknown);
    EXPECT_EQ(compare({"boot-1 8:16 5", name}, {"boot-2 8:16 6", "serial=A"}),
              Sameness::kDifferent);
  }
  for (const char* const name : {"serial=A", "wwid=naa.0 part2", "partuuid=00000000-01"})
    EXPECT_TRUE(tells_who_it_is({"", name})) << name;
}

TEST(DiskIdentityTest, WhatIsNoDiskHasNone) {
  EXPECT_THROW(identify_disk("/dev/null"), std::system_error);
  EXPECT_THROW(identify_disk("/dev/is/not/there"), std::system_error);
}

}  // namespace
}  // namespace dmjob::io

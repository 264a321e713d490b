// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/name.h"

#include <gtest/gtest.h>

namespace dmjob::dm {
namespace {

TEST(InnerName, TellsJobAndPart) {
  EXPECT_EQ(inner_name("j1", "wr"), "dmjob-j1-wr");
  EXPECT_EQ(inner_uuid("7d3f", "base"), "DMJOB-7d3f-base");
  EXPECT_EQ(volume_uuid("7d3f"), "DMJOBV-7d3f");
}

TEST(InnerName, IsNeverAVolumes) {
  EXPECT_TRUE(is_inner_name(inner_name("j1", "wr")));
  EXPECT_NE(check_volume_name(inner_name("j1", "wr")), "");
}

class GoodName : public testing::TestWithParam<const char*> {};
TEST_P(GoodName, IsTaken) { EXPECT_EQ(check_volume_name(GetParam()), ""); }
INSTANTIATE_TEST_SUITE_P(Names, GoodName,
                         testing::Values("v", "data", "vg0-lv--root", "a.b_c+d", "0", "dmjob"));

class BadName : public testing::TestWithParam<std::string> {};
TEST_P(BadName, IsRefusedWithAReason) { EXPECT_NE(check_volume_name(GetParam()), ""); }
INSTANTIATE_TEST_SUITE_P(Names, BadName,
                         testing::Values("", "-v", ".", "..", ".v", "a/b", "a b", "a\n", "\xc3\xa4",
                                         "control", "dmjob-", std::string(101, 'a'),
                                         std::string("a\0b", 3)));

TEST(VolumeName, MayHaveAHundredCharacters) {
  EXPECT_EQ(check_volume_name(std::string(100, 'a')), "");
}

}  // namespace
}  // namespace dmjob::dm

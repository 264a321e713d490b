// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gmock/gmock.h>

#include <limits>

#include "tool/dmjob/size.h"

namespace dmjob::cli {
namespace {

using testing::Eq;
using testing::Optional;

TEST(ParseSize, TakesPlainBytesAndZero) {
  EXPECT_THAT(parse_size("0"), Optional(0));
  EXPECT_THAT(parse_size("65536"), Optional(65536));
}

TEST(ParseSize, TakesSuffixesOf1024LargeOrSmall) {
  EXPECT_THAT(parse_size("64K"), Optional(65536));
  EXPECT_THAT(parse_size("5m"), Optional(5LL << 20));
  EXPECT_THAT(parse_size("2G"), Optional(2LL << 30));
  EXPECT_THAT(parse_size("3t"), Optional(3LL << 40));
}

TEST(ParseSize, GoesUpToTheLargestNumber) {
  EXPECT_THAT(parse_size("9223372036854775807"),
              Optional(std::numeric_limits<std::int64_t>::max()));
  EXPECT_THAT(parse_size("8388607T"), Optional(8388607LL << 40));
}

class NotASize : public testing::TestWithParam<const char*> {};

TEST_P(NotASize, IsRefused) { EXPECT_THAT(parse_size(GetParam()), Eq(std::nullopt)); }

INSTANTIATE_TEST_SUITE_P(Words, NotASize,
                         testing::Values("", "K", "-1", "+1", " 1", "1 ", "1KB", "1.5G", "0x10",
                                         "10Q", "1kk", "9223372036854775808", "8388608T",
                                         "99999999999999999999"));

TEST(FormatSize, HasOneDecimalBelow100) {
  EXPECT_EQ(format_size(0), "0");
  EXPECT_EQ(format_size(1023), "1023");
  EXPECT_EQ(format_size(1024), "1K");
  EXPECT_EQ(format_size(1536), "1.5K");
  EXPECT_EQ(format_size(std::uint64_t{10} << 30), "10G");
  EXPECT_EQ(format_size((std::uint64_t{150} << 20) + 600000), "150M");
}

TEST(FormatSize, RoundsDownAndHasNothingAboveT) {
  EXPECT_EQ(format_size((1 << 20) - 1), "1023K");
  EXPECT_EQ(format_size((10 << 20) - 1), "9.9M");
  EXPECT_EQ(format_size(std::numeric_limits<std::uint64_t>::max()), "16777215T");
}

TEST(FormatDuration, HasTwoUnitsAtMost) {
  EXPECT_EQ(format_duration(0), "0 s");
  EXPECT_EQ(format_duration(59), "59 s");
  EXPECT_EQ(format_duration(200), "3 min");
  EXPECT_EQ(format_duration(3600), "1 h");
  EXPECT_EQ(format_duration(7500), "2 h 5 min");
  EXPECT_EQ(format_duration(90000), "1 d 1 h");
}

}  // namespace
}  // namespace dmjob::cli

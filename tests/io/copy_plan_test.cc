// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/copy_plan.h"

#include <gtest/gtest.h>

#include <string_view>

#include "libjob/io/crc32c.h"

namespace dmjob::io {

namespace {

std::vector<std::byte> bytes(std::string_view text) {
  std::vector<std::byte> result;
  for (const char c : text) result.push_back(c == '.' ? std::byte{0} : std::byte{1});
  return result;
}

using Extents = std::vector<Extent>;

TEST(CopyPlan, a_single_byte_makes_data) {
  EXPECT_TRUE(is_zero(bytes("........")));
  EXPECT_FALSE(is_zero(bytes("x.......")));
  EXPECT_FALSE(is_zero(bytes(".......x")));
  EXPECT_TRUE(is_zero({}));
}

TEST(CopyPlan, neighbouring_units_of_a_kind_are_one_extent) {
  EXPECT_EQ(find_zeroes(bytes("x..x"
                              "...."
                              "...."
                              ".xxx"),
                        4),
            (Extents{{0, 4, false}, {4, 8, true}, {12, 4, false}}));
}

TEST(CopyPlan, the_last_unit_may_be_short) {
  EXPECT_EQ(find_zeroes(bytes("xxxx.."), 4), (Extents{{0, 4, false}, {4, 2, true}}));
}

TEST(CopyPlan, outside_of_holes_is_the_rest) {
  EXPECT_EQ(outside({}, 10), (Extents{{0, 10}}));
  EXPECT_EQ(outside({{0, 2}, {4, 2}}, 10), (Extents{{2, 2}, {6, 4}}));
  EXPECT_EQ(outside({{0, 12}}, 10), (Extents{}));
}

TEST(Crc32c, is_castagnolis) {
  EXPECT_EQ(crc32c(std::as_bytes(std::span(std::string_view("123456789")))), 0xE3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

}  // namespace
}  // namespace dmjob::io

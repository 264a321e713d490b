// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/extent_set.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

namespace dmjob::io {
namespace {

using Extents = std::vector<Extent>;

ExtentSet set_of(const Extents& extents) {
  ExtentSet set;
  for (const Extent& extent : extents) set.add(extent);
  return set;
}

TEST(ExtentSet, is_in_order_whatever_the_order_of_adding) {
  const ExtentSet set = set_of({{4096, 512}, {0, 512}, {2048, 512}});
  EXPECT_EQ(set.extents(), (Extents{{0, 512}, {2048, 512}, {4096, 512}}));
  EXPECT_EQ(set.hull(), (Extent{0, 4608}));
}

TEST(ExtentSet, neighbours_become_one_from_both_sides) {
  EXPECT_EQ(set_of({{1024, 512}, {0, 512}, {512, 512}}).extents(), (Extents{{0, 1536}}));
}

TEST(ExtentSet, overlaps_become_one_and_no_byte_counts_twice) {
  const ExtentSet set = set_of({{0, 1024}, {4096, 1024}, {512, 4096}, {600, 10}});
  EXPECT_EQ(set.extents(), (Extents{{0, 5120}}));
  EXPECT_EQ(set.count(), 1u);
}

TEST(ExtentSet, nothing_has_no_bytes) {
  const ExtentSet set = set_of({{512, 0}});
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.hull(), Extent{});
}

TEST(ExtentSet, an_extent_that_wraps_is_refused) {
  ExtentSet set;
  EXPECT_THROW(set.add({512, std::numeric_limits<std::uint64_t>::max() - 511}),
               std::overflow_error);
  EXPECT_TRUE(set.empty());
}

}  // namespace
}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/differences.h"

#include <gtest/gtest.h>

namespace dmjob::io {
namespace {

TEST(Differences, neighbours_become_one_whatever_the_order) {
  Differences found;
  found.add({1024, 512});
  found.add({0, 512});
  found.add({512, 512});
  EXPECT_EQ(found.bytes(), 1536u);
  ASSERT_EQ(found.places().size(), 1u);
  EXPECT_EQ(found.describe(), "1536 bytes differ: 1536 at byte 0");
}

TEST(Differences, of_many_the_first_are_kept_and_all_are_counted) {
  Differences found;
  for (std::uint64_t i = 0; i < 1000; ++i) found.add({(999 - i) * 4096, 512});
  EXPECT_EQ(found.bytes(), 512'000u);
  ASSERT_EQ(found.places().size(), Differences::kMostPlaces);
  EXPECT_EQ(found.places().back().offset, (Differences::kMostPlaces - 1) * 4096);
  EXPECT_EQ(found.describe(),
            "512000 bytes differ: 512 at byte 0, 512 at byte 4096, 512 at byte 8192, and more");
}

}  // namespace
}  // namespace dmjob::io

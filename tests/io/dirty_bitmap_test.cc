// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/dirty_bitmap.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace dmjob::io {
namespace {

constexpr std::uint64_t kGranularity = 65536;

std::vector<std::byte> bits(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

std::set<std::uint64_t> runs_of(const DirtyBitmap& dirty, std::uint64_t most) {
  std::set<std::uint64_t> found;
  std::uint64_t at = 0;
  while (const auto run = dirty.next(at, most)) {
    EXPECT_GE(run->first, at);
    EXPECT_LE(run->count, most);
    for (std::uint64_t i = 0; i < run->count; ++i) found.insert(run->first + i);
    at = run->first + run->count;
  }
  return found;
}

TEST(DirtyBitmap, starts_clean) {
  const DirtyBitmap dirty(10 * kGranularity, kGranularity);
  EXPECT_EQ(dirty.regions(), 10u);
  EXPECT_EQ(dirty.count(), 0u);
  EXPECT_EQ(dirty.next(0, 100), std::nullopt);
}

TEST(DirtyBitmap, counts_a_short_last_region_by_its_bytes) {
  DirtyBitmap dirty(2 * kGranularity + 512, kGranularity);
  dirty.set_all();
  EXPECT_EQ(dirty.count(), 3u);
  EXPECT_EQ(dirty.dirty_bytes(), 2 * kGranularity + 512);
  dirty.clear(2);
  EXPECT_EQ(dirty.dirty_bytes(), 2 * kGranularity);
}

TEST(DirtyBitmap, setting_twice_counts_once) {
  DirtyBitmap dirty(100 * kGranularity, kGranularity);
  dirty.set(77);
  dirty.set(77);
  EXPECT_EQ(dirty.count(), 1u);
  dirty.clear(77);
  dirty.clear(77);
  EXPECT_EQ(dirty.count(), 0u);
}

TEST(DirtyBitmap, a_run_ends_at_a_clean_region_and_at_most) {
  DirtyBitmap dirty(200 * kGranularity, kGranularity);
  for (std::uint64_t region = 60; region < 135; ++region) dirty.set(region);
  EXPECT_EQ(dirty.next(0, 1000)->first, 60u);
  EXPECT_EQ(dirty.next(0, 1000)->count, 75u);
  EXPECT_EQ(dirty.next(63, 2)->first, 63u);
  EXPECT_EQ(dirty.next(63, 2)->count, 2u);
  EXPECT_EQ(dirty.next(135, 1), std::nullopt);
  EXPECT_EQ(dirty.next(0, 0), std::nullopt);
}

TEST(DirtyBitmap, most_may_be_the_largest_number) {
  DirtyBitmap dirty(128 * kGranularity, kGranularity);
  dirty.set_all();
  EXPECT_EQ(dirty.next(5, ~std::uint64_t{0})->count, 123u);
}

TEST(DirtyBitmap, stores_the_lowest_bit_first_and_pads_with_zeroes) {
  DirtyBitmap dirty(11 * kGranularity, kGranularity);
  dirty.set(0);
  dirty.set(9);
  EXPECT_TRUE(std::ranges::equal(dirty.bytes(), bits({0x01, 0x02})));
  dirty.set_all();
  EXPECT_TRUE(std::ranges::equal(dirty.bytes(), bits({0xff, 0x07})));
}

TEST(DirtyBitmap, loads_what_it_stored_without_padding) {
  DirtyBitmap dirty(11 * kGranularity, kGranularity);
  dirty.load(bits({0x10, 0xff}));
  EXPECT_EQ(dirty.count(), 4u);
  EXPECT_TRUE(std::ranges::equal(dirty.bytes(), bits({0x10, 0x07})));
}

TEST(DirtyBitmap, a_region_out_of_sync_in_a_log_is_added) {
  DirtyBitmap dirty(11 * kGranularity, kGranularity);
  dirty.set(10);
  dirty.add_out_of_sync(bits({0xfb, 0xff, 0x00}));
  EXPECT_EQ(dirty.count(), 2u);
  EXPECT_TRUE(dirty.test(2));
  EXPECT_TRUE(dirty.test(10));
}

TEST(DirtyBitmap, joins_another) {
  DirtyBitmap dirty(100 * kGranularity, kGranularity);
  DirtyBitmap other = dirty;
  dirty.set(1);
  other.set(1);
  other.set(99);
  dirty.add(other);
  EXPECT_EQ(dirty.count(), 2u);
}

TEST(DirtyBitmap, an_empty_disk_has_no_regions) {
  DirtyBitmap dirty(0, kGranularity);
  dirty.set_all();
  dirty.load({});
  EXPECT_EQ(dirty.count(), 0u);
  EXPECT_EQ(dirty.dirty_bytes(), 0u);
}

class DirtyBitmapLike : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(DirtyBitmapLike, a_set_of_numbers) {
  const std::uint64_t regions = GetParam();
  DirtyBitmap dirty(regions * 4096, 4096);
  std::set<std::uint64_t> expected;
  std::mt19937_64 random(regions);
  for (int step = 0; step < 2000; ++step) {
    const std::uint64_t region = random() % regions;
    const bool to_set = random() % 3 != 0;
    to_set ? dirty.set(region) : dirty.clear(region);
    to_set ? void(expected.insert(region)) : void(expected.erase(region));
  }
  EXPECT_EQ(dirty.count(), expected.size());
  EXPECT_EQ(runs_of(dirty, 1), expected);
  EXPECT_EQ(runs_of(dirty, 7), expected);
  EXPECT_EQ(runs_of(dirty, regions), expected);
}

INSTANTIATE_TEST_SUITE_P(Sizes, DirtyBitmapLike,
                         ::testing::Values(1, 2, 63, 64, 65, 127, 128, 129, 1000, 4096));

}  // namespace
}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/compare_engine.h"

#include "tests/io/compare_fixture.h"

namespace dmjob::io {
namespace {

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;

void expect_error(const CompareError& error, bool at_source, std::uint64_t offset,
                  std::uint64_t length) {
  EXPECT_EQ(error.at_source, at_source);
  EXPECT_EQ(error.offset, offset);
  EXPECT_EQ(error.length, length);
  EXPECT_EQ(error.error, std::errc::io_error);
}

TEST_F(CompareTest, equal_disks_have_no_difference) {
  make_disks(4 * kMiB, 64 * kKiB);
  EXPECT_EQ(compare().end, CopyEnd::kClean);
  expect_found({});
  EXPECT_EQ(left->count(), 0u);
  EXPECT_EQ(progress.get().offset, 4 * kMiB);
}

TEST_F(CompareTest, one_other_byte_makes_its_sector_differ) {
  make_disks(4 * kMiB, 64 * kKiB);
  flip(3 * kMiB + 700);
  EXPECT_EQ(compare().end, CopyEnd::kClean);
  expect_found({{3 * kMiB + 512, 512}});
}

TEST_F(CompareTest, neighbours_are_one_place_over_the_bounds_of_regions_and_requests) {
  make_disks(4 * kMiB, 64 * kKiB);
  flip(1 * kMiB - 700, 2000);
  compare();
  expect_found({{1 * kMiB - 1024, 2560}});
}

TEST_F(CompareTest, the_last_byte_of_a_file_of_any_size_counts_and_what_is_behind_does_not) {
  make_disks({.size = 100'001, .alignment = 4096, .is_file = true},
             {.size = 1 * kMiB, .alignment = 4096}, 64 * kKiB);
  flip(100'000);
  compare();
  expect_found({{99'840, 161}});
}

TEST_F(CompareTest, only_what_the_bitmap_names_is_compared) {
  make_disks(4 * kMiB, 64 * kKiB);
  flip(0, 4 * kMiB);
  left->clear_all();
  left->set(5);
  compare();
  expect_found({{5 * 64 * kKiB, 64 * kKiB}});
  EXPECT_EQ(source->counts().bytes_read, 64 * kKiB);
}

// A region larger than a request.
TEST_F(CompareTest, what_differs_in_a_region_is_told_in_order_whatever_ends_first) {
  make_disks(8 * kMiB, 4 * kMiB);
  for (std::uint64_t at = 0; at < 8; ++at) flip(at * kMiB);
  source->end_backwards();
  target->end_backwards();
  compare();
  for (std::size_t i = 1; i < as_told.size(); ++i)
    EXPECT_EQ(as_told[i].offset / (4 * kMiB) == as_told[i - 1].offset / (4 * kMiB),
              as_told[i].offset == as_told[i - 1].offset + kMiB);
  EXPECT_EQ(as_told.size(), 8u);
}

TEST_F(CompareTest, nothing_is_written) {
  make_disks(4 * kMiB, 64 * kKiB);
  flip(0, 4096);
  source->reset_counts();
  target->reset_counts();
  compare();
  for (const test::FakeDisk* disk : {source.get(), target.get()}) {
    EXPECT_EQ(disk->counts().writes + disk->counts().zeroes + disk->counts().flushes, 0u);
  }
}

TEST_F(CompareTest, requests_and_bytes_in_flight_are_bounded) {
  options = {.request_bytes = 256 * kKiB, .in_flight_bytes = 1 * kMiB};
  make_disks(8 * kMiB, 64 * kKiB);
  target->hang();
  start_comparison();
  target->wait_until_hanging(4);
  target->release();
  join_comparison();
  for (const test::FakeDisk* disk : {source.get(), target.get()}) {
    EXPECT_EQ(disk->counts().most_in_flight, 4u);
    EXPECT_EQ(disk->counts().largest_request, 256 * kKiB);
  }
}

TEST_F(CompareTest, an_unreadable_block_of_the_source_ends_it_and_is_named) {
  make_disks(4 * kMiB, 64 * kKiB);
  source->fail_reads(1 * kMiB + 1024, 512);
  const CompareResult result = compare();
  EXPECT_EQ(result.end, CopyEnd::kError);
  expect_error(*result.error, true, 1 * kMiB + 1024, 512);
  EXPECT_TRUE(left->test(16));
}

TEST_F(CompareTest, an_unreadable_block_of_the_target_ends_it_and_is_named) {
  make_disks(4 * kMiB, 64 * kKiB);
  target->fail_reads(2 * kMiB, 512);
  const CompareResult result = compare();
  EXPECT_EQ(result.end, CopyEnd::kError);
  expect_error(*result.error, false, 2 * kMiB, 512);
  EXPECT_TRUE(left->test(32));
}

TEST_F(CompareTest, what_is_left_out_is_told_and_the_rest_of_its_region_compared) {
  leave_out = true;
  make_disks({.size = 4 * kMiB}, {.size = 4 * kMiB, .alignment = 4096}, 64 * kKiB);
  source->fail_reads(1 * kMiB + 1024, 512);
  target->fail_reads(1 * kMiB + 8192, 512);
  flip(1 * kMiB, 16 * kKiB);
  const CompareResult result = compare();
  EXPECT_EQ(result.end, CopyEnd::kClean);
  ASSERT_EQ(result.left_out.size(), 2u);
  expect_error(result.left_out[0], true, 1 * kMiB + 1024, 512);
  expect_error(result.left_out[1], false, 1 * kMiB + 8192, 4096);
  expect_found({{1 * kMiB, 1024}, {1 * kMiB + 1536, 8192 - 1536}, {1 * kMiB + 12288, 4096}});
  EXPECT_EQ(left->count(), 0u);
}

TEST_F(CompareTest, after_an_error_the_next_run_tells_no_difference_twice) {
  options = {.request_bytes = 4 * kKiB, .in_flight_bytes = 4 * kKiB};
  make_disks(1 * kMiB, 64 * kKiB);
  flip(0, 1 * kMiB);
  source->fail_reads(96 * kKiB, 512);
  EXPECT_EQ(compare().end, CopyEnd::kError);
  source->heal();
  EXPECT_EQ(compare().end, CopyEnd::kClean);
  expect_found({{0, 1 * kMiB}});
}

}  // namespace
}  // namespace dmjob::io

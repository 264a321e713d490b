// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/copy_engine.h"

#include "tests/io/copy_fixture.h"

namespace dmjob::io {
namespace {

TEST_F(CopyTest, a_clean_bitmap_makes_no_io) {
  make_disks(1 * kMiB, 64 * kKiB);
  EXPECT_EQ(copy().end, CopyEnd::kClean);
  EXPECT_EQ(source->counts().reads, 0u);
  EXPECT_EQ(target->counts().writes, 0u);
}

TEST_F(CopyTest, a_whole_disk_is_copied) {
  make_disks(5 * kMiB, 64 * kKiB);
  dirty_all();
  const CopyResult result = copy();
  EXPECT_EQ(result.end, CopyEnd::kClean);
  EXPECT_EQ(result.copied, 5 * kMiB);
  EXPECT_EQ(progress.get().offset, 5 * kMiB);
  expect_copied();
}

TEST_F(CopyTest, only_dirty_regions_are_read_and_written) {
  make_disks(4 * kMiB, 64 * kKiB);
  dirty_regions({0, 1, 5, 31, 33, 63});
  EXPECT_EQ(copy().copied, 6 * 64 * kKiB);
  EXPECT_EQ(source->counts().bytes_read, 6 * 64 * kKiB);
  EXPECT_EQ(target->counts().bytes_written, 6 * 64 * kKiB);
  expect_copied();
}

TEST_F(CopyTest, neighbouring_regions_share_a_request) {
  make_disks(4 * kMiB, 64 * kKiB);
  dirty_all();
  copy();
  EXPECT_EQ(source->counts().reads, 4u);
  EXPECT_EQ(target->counts().writes, 4u);
}

TEST_F(CopyTest, a_short_last_region_is_copied_to_its_end) {
  make_disks(1 * kMiB + 512, 64 * kKiB);
  dirty_regions({16});
  EXPECT_EQ(copy().copied, 512u);
  EXPECT_EQ(source->counts().reads, 1u);
  expect_copied();
}

TEST_F(CopyTest, a_region_larger_than_a_request_is_clean_when_its_last_part_is_written) {
  options.request_bytes = 64 * kKiB;
  options.in_flight_bytes = 256 * kKiB;
  make_disks(9 * kMiB, 4 * kMiB);
  dirty_regions({0, 2});
  EXPECT_EQ(copy().copied, 5 * kMiB);
  EXPECT_EQ(source->counts().largest_request, 64 * kKiB);
  expect_copied();
}

TEST_F(CopyTest, what_is_in_flight_is_bounded) {
  options.request_bytes = 128 * kKiB;
  options.in_flight_bytes = 512 * kKiB;
  make_disks(8 * kMiB, 64 * kKiB);
  dirty_all();
  copy();
  EXPECT_LE(source->counts().most_in_flight, 4u);
  EXPECT_LE(target->counts().most_in_flight, 4u);
  expect_copied();
}

TEST_F(CopyTest, a_request_larger_than_what_may_be_in_flight_still_goes) {
  options.request_bytes = 4 * kMiB;
  options.in_flight_bytes = 1 * kMiB;
  make_disks(9 * kMiB, 64 * kKiB);
  dirty_all();
  EXPECT_EQ(copy().end, CopyEnd::kClean);
  expect_copied();
}

TEST_F(CopyTest, a_second_pass_copies_what_was_written_meanwhile) {
  make_disks(2 * kMiB, 64 * kKiB);
  dirty_all();
  copy();
  source->fill(7);
  dirty_regions({3, 4});
  EXPECT_EQ(copy().copied, 128 * kKiB);
  expect_copied();
}

TEST_F(CopyTest, zeroes_become_holes_in_a_file) {
  make_disks({.size = 4 * kMiB}, {.size = 4 * kMiB, .is_file = true}, 64 * kKiB);
  source->fill(1 * kMiB, 2 * kMiB, std::byte{0});
  dirty_all();
  const CopyResult result = copy();
  EXPECT_EQ(result.copied, 4 * kMiB);
  EXPECT_EQ(target->counts().bytes_zeroed, 2 * kMiB);
  EXPECT_EQ(target->counts().bytes_written, 2 * kMiB);
  expect_copied();
}

TEST_F(CopyTest, zeroes_within_a_request_become_holes_too) {
  make_disks({.size = 1 * kMiB}, {.size = 1 * kMiB, .is_file = true}, 1 * kMiB);
  source->fill(256 * kKiB, 64 * kKiB, std::byte{0});
  dirty_all();
  copy();
  EXPECT_EQ(target->counts().bytes_zeroed, 64 * kKiB);
  expect_copied();
}

TEST_F(CopyTest, zeroes_are_written_to_a_disk) {
  make_disks(1 * kMiB, 64 * kKiB);
  source->fill(0, 1 * kMiB, std::byte{0});
  dirty_all();
  copy();
  EXPECT_EQ(target->counts().bytes_written, 1 * kMiB);
  expect_copied();
}

TEST_F(CopyTest, zeroes_need_no_write_where_the_target_is_zero) {
  options.target_is_zero = true;
  make_disks(4 * kMiB, 64 * kKiB);
  target->fill(0, 4 * kMiB, std::byte{0});
  source->fill(1 * kMiB, 2 * kMiB, std::byte{0});
  dirty_all();
  EXPECT_EQ(copy().copied, 4 * kMiB);
  EXPECT_EQ(target->counts().bytes_written, 2 * kMiB);
  EXPECT_EQ(target->counts().zeroes, 0u);
  expect_copied();
}

TEST_F(CopyTest, a_target_that_was_zero_is_zeroed_where_it_has_been_written) {
  options.target_is_zero = true;
  make_disks(4 * kMiB, 64 * kKiB);
  target->fill(0, 4 * kMiB, std::byte{0});
  dirty_all();
  copy();
  source->fill(1 * kMiB, 64 * kKiB, std::byte{0});
  dirty_regions({16});
  copy();
  EXPECT_EQ(target->counts().bytes_zeroed, 64 * kKiB);
  expect_copied();
}

TEST_F(CopyTest, a_file_that_is_said_to_be_zero_is_punched_all_the_same) {
  options.target_is_zero = true;
  make_disks({.size = 1 * kMiB}, {.size = 1 * kMiB, .is_file = true}, 64 * kKiB);
  source->fill(0, 1 * kMiB, std::byte{0});
  dirty_all();
  copy();
  expect_copied();
}

TEST_F(CopyTest, a_target_of_larger_blocks_gets_whole_ones) {
  make_disks({.size = 64 * kKiB + 512}, {.size = 68 * kKiB, .alignment = 4096}, 4096);
  dirty_all();
  EXPECT_EQ(copy().end, CopyEnd::kClean);
  expect_copied();
  expect_target_is(64 * kKiB + 512, 4096 - 512, std::byte{0});
}

TEST_F(CopyTest, a_file_of_odd_size_is_copied_to_its_last_byte) {
  make_disks({.size = 1 * kMiB + 1, .alignment = 4096, .is_file = true},
             {.size = 1 * kMiB + 1, .alignment = 4096, .is_file = true}, 64 * kKiB);
  dirty_all();
  EXPECT_EQ(copy().copied, 1 * kMiB + 1);
  EXPECT_EQ(dirty->count(), 0u);
  expect_target_is_source(0, 1 * kMiB + 1);
}

TEST_F(CopyTest, a_file_of_odd_size_is_padded_on_a_disk) {
  make_disks({.size = 5000, .alignment = 4096, .is_file = true}, {.size = 8192}, 4096);
  dirty_all();
  EXPECT_EQ(copy().end, CopyEnd::kClean);
  expect_target_is_source(0, 5000);
  expect_target_is(5000, 5120 - 5000, std::byte{0});
  expect_target_is(5120, 8192 - 5120, std::byte{0xEE});
}

}  // namespace
}  // namespace dmjob::io

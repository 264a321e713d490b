// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gmock/gmock.h>

#include "libjob/io/copy_engine.h"
#include "tests/io/copy_fixture.h"

namespace dmjob::io {
namespace {

using core::ErrorAction;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;

auto bad(bool is_read, std::uint64_t offset, std::uint64_t length,
         std::errc error = std::errc::io_error) {
  return AllOf(Field("is_read", &CopyError::is_read, is_read),
               Field("offset", &CopyError::offset, offset),
               Field("length", &CopyError::length, length),
               Field("error", &CopyError::error, std::make_error_code(error)));
}

TEST_F(CopyTest, an_unreadable_block_ends_the_copy_and_is_named) {
  make_disks(4 * kMiB, 64 * kKiB);
  dirty_all();
  source->fail_reads(1 * kMiB + 1024, 512);
  const CopyResult result = copy();
  EXPECT_EQ(result.end, CopyEnd::kError);
  EXPECT_THAT(*result.error, bad(true, 1 * kMiB + 1024, 512));
  EXPECT_THAT(result.ignored, IsEmpty());
  EXPECT_TRUE(dirty->test(16));
}

TEST_F(CopyTest, an_ignored_block_leaves_only_its_region_dirty) {
  answer = ErrorAction::kIgnore;
  make_disks(4 * kMiB, 64 * kKiB);
  dirty_all();
  source->fail_reads(1 * kMiB + 1024, 512);
  const CopyResult result = copy();
  EXPECT_EQ(result.end, CopyEnd::kClean);
  EXPECT_EQ(result.copied, 4 * kMiB - 512);
  EXPECT_THAT(result.ignored, ElementsAre(bad(true, 1 * kMiB + 1024, 512)));
  expect_copied_but({16});
}

TEST_F(CopyTest, the_readable_rest_of_a_bad_region_is_copied) {
  answer = ErrorAction::kIgnore;
  make_disks(64 * kKiB, 64 * kKiB);
  dirty_all();
  source->fail_reads(8192, 1024);
  copy();
  expect_target_is_source(0, 8192);
  expect_target_is(8192, 1024, std::byte{0xEE});
  expect_target_is_source(9216, 64 * kKiB - 9216);
}

TEST_F(CopyTest, neighbouring_bad_blocks_are_one_extent_and_others_apart) {
  answer = ErrorAction::kIgnore;
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  source->fail_reads(0, 1536);
  source->fail_reads(1 * kMiB - 512, 512);
  EXPECT_THAT(copy().ignored, ElementsAre(bad(true, 0, 1536), bad(true, 1 * kMiB - 512, 512)));
  expect_copied_but({0, 15});
}

TEST_F(CopyTest, beside_a_bad_sector_no_good_one_of_the_same_block_of_the_target_is_given_up) {
  answer = ErrorAction::kIgnore;
  make_disks({.size = 64 * kKiB}, {.size = 64 * kKiB, .alignment = 4096}, 64 * kKiB);
  dirty_all();
  source->fail_reads(4096 + 512, 512);
  EXPECT_THAT(copy().ignored, ElementsAre(bad(true, 4096 + 512, 512)));
  expect_target_is_source(0, 4096 + 512);
  expect_target_is(4096 + 512, 512, std::byte{0});
  expect_target_is_source(4096 + 1024, 64 * kKiB - 4096 - 1024);
  EXPECT_TRUE(dirty->test(0));
}

TEST_F(CopyTest, of_many_bad_sectors_only_whole_blocks_of_the_target_are_left_out) {
  answer = ErrorAction::kIgnore;
  make_disks({.size = 64 * kKiB}, {.size = 64 * kKiB, .alignment = 4096}, 64 * kKiB);
  dirty_all();
  source->fail_reads(4096 - 512, 4096 + 1024);
  EXPECT_THAT(copy().ignored, ElementsAre(bad(true, 4096 - 512, 4096 + 1024)));
  expect_target_is_source(0, 4096 - 512);
  expect_target_is(4096 - 512, 512, std::byte{0});
  expect_target_is(4096, 4096, std::byte{0xEE});
  expect_target_is(8192, 512, std::byte{0});
  expect_target_is_source(8192 + 512, 64 * kKiB - 8192 - 512);
  EXPECT_TRUE(dirty->test(0));
}

TEST_F(CopyTest, a_bad_tail_that_is_no_whole_block_is_left_out) {
  answer = ErrorAction::kIgnore;
  make_disks({.size = 64 * kKiB + 700, .is_file = true}, {.size = 128 * kKiB}, 64 * kKiB);
  dirty_all();
  source->fail_reads(64 * kKiB + 512, 512);
  EXPECT_THAT(copy().ignored, ElementsAre(bad(true, 64 * kKiB + 512, 188)));
  expect_target_is_source(0, 64 * kKiB + 512);
  expect_target_is(64 * kKiB + 512, 512, std::byte{0xEE});
}

TEST_F(CopyTest, a_region_larger_than_a_request_stays_dirty_if_a_part_fails) {
  answer = ErrorAction::kIgnore;
  options.request_bytes = 64 * kKiB;
  make_disks(4 * kMiB, 1 * kMiB);
  dirty_all();
  source->fail_reads(1 * kMiB, 512);
  EXPECT_EQ(copy().end, CopyEnd::kClean);
  expect_copied_but({1});
}

TEST_F(CopyTest, a_repaired_block_is_copied_by_the_next_run) {
  answer = ErrorAction::kIgnore;
  make_disks(4 * kMiB, 64 * kKiB);
  dirty_all();
  source->fail_reads(2 * kMiB, 4096);
  copy();
  source->heal();
  EXPECT_THAT(copy().ignored, IsEmpty());
  expect_copied();
}

TEST_F(CopyTest, a_source_that_is_gone_is_not_probed_block_by_block) {
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  source->fail_reads(0, 1 * kMiB, std::errc::no_such_device);
  EXPECT_THAT(*copy().error, bad(true, 0, 1 * kMiB, std::errc::no_such_device));
  EXPECT_EQ(source->counts().reads, 1u);
}

TEST_F(CopyTest, a_failed_write_is_named_as_it_was_written) {
  make_disks(4 * kMiB, 64 * kKiB);
  dirty_all();
  target->fail_writes(2 * kMiB + 4096, 512, std::errc::no_space_on_device);
  const CopyResult result = copy();
  EXPECT_EQ(result.end, CopyEnd::kError);
  EXPECT_THAT(*result.error, bad(false, 2 * kMiB, 1 * kMiB, std::errc::no_space_on_device));
  EXPECT_TRUE(dirty->test(32));
}

TEST_F(CopyTest, an_ignored_write_error_leaves_its_regions_dirty) {
  answer = ErrorAction::kIgnore;
  options.request_bytes = 128 * kKiB;
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  target->fail_writes(256 * kKiB, 512);
  const CopyResult result = copy();
  EXPECT_EQ(result.end, CopyEnd::kClean);
  EXPECT_THAT(result.ignored, ElementsAre(bad(false, 256 * kKiB, 128 * kKiB)));
  expect_copied_but({4, 5});
}

TEST_F(CopyTest, a_hole_that_cannot_be_made_is_a_write_error) {
  make_disks({.size = 1 * kMiB}, {.size = 1 * kMiB, .is_file = true}, 64 * kKiB);
  source->fill(0, 1 * kMiB, std::byte{0});
  dirty_all();
  target->fail_writes(0, 512);
  EXPECT_THAT(*copy().error, bad(false, 0, 1 * kMiB));
  EXPECT_EQ(dirty->count(), 16u);
}

TEST_F(CopyTest, after_the_error_that_ends_it_nobody_is_asked_again) {
  make_disks(16 * kMiB, 64 * kKiB);
  dirty_all();
  source->fail_reads(0, 16 * kMiB);
  EXPECT_EQ(copy().end, CopyEnd::kError);
  EXPECT_EQ(asked.size(), 1u);
  EXPECT_EQ(dirty->count(), 256u);
  EXPECT_EQ(target->counts().writes, 0u);
}

TEST_F(CopyTest, stop_ends_the_run_as_report_does) {
  answer = ErrorAction::kStop;
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  target->fail_writes(0, 512);
  EXPECT_EQ(copy().end, CopyEnd::kError);
}

}  // namespace
}  // namespace dmjob::io

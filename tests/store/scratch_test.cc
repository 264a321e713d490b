// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/scratch.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <system_error>

#include "tests/support/fake_disk.h"

namespace dmjob::store {
namespace {

using test::FakeDisk;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::uint64_t kVolume = (10 << 20) + 512;
constexpr std::uint64_t kGranularity = 64 << 10;
constexpr std::uint64_t kLog = 5000;
constexpr std::uint64_t kOffset = 1 << 20;

class ScratchTest : public ::testing::Test {
 protected:
  Scratch format(const std::string& job = "job") {
    return Scratch::format(disk.open(), kOffset, job, kVolume, kGranularity, kLog);
  }
  Scratch open(const std::string& job = "job") { return Scratch::open(disk.open(), kOffset, job); }

  static io::DirtyBitmap bitmap(std::initializer_list<std::uint64_t> regions) {
    io::DirtyBitmap dirty(kVolume, kGranularity);
    for (const std::uint64_t region : regions) dirty.set(region);
    return dirty;
  }
  static void checkpoint_thrice(Scratch& scratch) {
    for (int i = 0; i < 3; ++i) scratch.checkpoint(bitmap({1}));
  }
  static void expect_equal(const io::DirtyBitmap& found, const io::DirtyBitmap& expected) {
    EXPECT_TRUE(std::ranges::equal(found.bytes(), expected.bytes()));
    EXPECT_EQ(found.size(), expected.size());
    EXPECT_EQ(found.granularity(), expected.granularity());
  }

  FakeDisk disk{{.size = 2 << 20, .name = "/dev/fake"}};
};

TEST(ScratchLayout, is_in_units_of_a_page_in_the_order_told) {
  const ScratchLayout layout = scratch_layout(kVolume, kGranularity, kLog);
  EXPECT_EQ(layout.log_bytes, 8192u);
  EXPECT_THAT(layout.log, ::testing::ElementsAre(8192, 16384, 24576));
  EXPECT_EQ(layout.bitmap_bytes, 4096u);
  EXPECT_THAT(layout.bitmap, ::testing::ElementsAre(32768, 36864));
  EXPECT_EQ(layout.total, 40960u);
}

TEST(ScratchLayout, of_an_offline_copy_has_no_logs) {
  EXPECT_EQ(scratch_layout(kVolume, kGranularity, 0).total, 16384u);
}

TEST(DefaultGranularity, keeps_to_a_million_regions) {
  EXPECT_EQ(default_granularity(std::uint64_t{1} << 20), 65536u);
  EXPECT_EQ(default_granularity(std::uint64_t{1} << 36), 65536u);
  EXPECT_EQ(default_granularity((std::uint64_t{1} << 36) + 512), 131072u);
  EXPECT_EQ(default_granularity(std::uint64_t{16} << 40), std::uint64_t{16} << 20);
}

TEST(DefaultGranularity, of_a_tiny_volume_is_not_above_its_size) {
  EXPECT_EQ(default_granularity(50000), 32768u);
  EXPECT_EQ(default_granularity(4096), 4096u);
}

TEST_F(ScratchTest, a_new_one_is_all_dirty) {
  format();
  Scratch scratch = open();
  EXPECT_EQ(scratch.offset(), kOffset);
  EXPECT_EQ(scratch.volume_size(), kVolume);
  EXPECT_EQ(scratch.granularity(), kGranularity);
  EXPECT_EQ(scratch.layout().log_bytes, 8192u);
  io::DirtyBitmap all(kVolume, kGranularity);
  all.set_all();
  expect_equal(scratch.load_checkpoint(), all);
}

TEST_F(ScratchTest, the_last_checkpoint_is_loaded) {
  Scratch scratch = format();
  scratch.checkpoint(bitmap({1, 2}));
  scratch.checkpoint(bitmap({3, 160}));
  expect_equal(scratch.load_checkpoint(), bitmap({3, 160}));
  expect_equal(open().load_checkpoint(), bitmap({3, 160}));
}

TEST_F(ScratchTest, checkpoints_go_on_after_it_was_opened_again) {
  format().checkpoint(bitmap({1}));
  open().checkpoint(bitmap({2}));
  open().checkpoint(bitmap({3}));
  expect_equal(open().load_checkpoint(), bitmap({3}));
}

TEST_F(ScratchTest, logs_are_kept_apart) {
  Scratch scratch = format();
  std::ranges::fill(scratch.log_buffer(0), std::byte{0xA0});
  std::ranges::fill(scratch.log_buffer(2), std::byte{0xA2});
  scratch.write_log(0);
  scratch.write_log(2);
  Scratch again = open();
  again.read_log(0);
  again.read_log(2);
  EXPECT_EQ(again.log_buffer(0).size(), 8192u);
  EXPECT_EQ(again.log_buffer(0).back(), std::byte{0xA0});
  EXPECT_EQ(again.log_buffer(2).front(), std::byte{0xA2});
}

TEST_F(ScratchTest, a_written_log_is_flushed) {
  Scratch scratch = format();
  const auto before = disk.counts().flushes;
  scratch.write_log(1);
  EXPECT_EQ(disk.counts().flushes, before + 1);
}

TEST_F(ScratchTest, nothing_outside_is_touched) {
  disk.fill(0, 2 << 20, std::byte{0x77});
  Scratch scratch = format();
  scratch.checkpoint(bitmap({1}));
  for (const int slot : {0, 1, 2}) scratch.write_log(slot);
  const auto outside = [](std::byte b) { return b == std::byte{0x77}; };
  const std::span content(disk.content());
  EXPECT_TRUE(std::ranges::all_of(content.first(kOffset), outside));
  EXPECT_TRUE(std::ranges::all_of(content.subspan(kOffset + scratch.layout().total), outside));
}

TEST_F(ScratchTest, an_empty_place_has_none) {
  EXPECT_THAT([&] { open(); }, ThrowsMessage<std::system_error>(
                                   HasSubstr("/dev/fake: there is no valid superblock")));
}

TEST_F(ScratchTest, another_jobs_is_refused) {
  format("other");
  EXPECT_THAT([&] { open(); },
              ThrowsMessage<std::system_error>(HasSubstr("belongs to another job")));
}

TEST_F(ScratchTest, a_new_one_takes_the_place_of_anothers_with_a_higher_sequence) {
  Scratch old = format("other");
  checkpoint_thrice(old);
  format();
  EXPECT_EQ(open().load_checkpoint().count(), 161u);
  EXPECT_THROW(open("other"), std::system_error);
}

TEST_F(ScratchTest, a_new_one_takes_the_place_of_the_same_jobs) {
  Scratch old = format();
  checkpoint_thrice(old);
  format();
  EXPECT_EQ(open().load_checkpoint().count(), 161u);
}

TEST_F(ScratchTest, a_wiped_one_is_gone) {
  Scratch scratch = format();
  scratch.checkpoint(bitmap({1}));
  scratch.wipe();
  EXPECT_THROW(open(), std::system_error);
}

TEST_F(ScratchTest, a_damaged_bitmap_is_not_believed) {
  Scratch scratch = format();
  scratch.checkpoint(bitmap({1}));
  disk.fill(kOffset + scratch.layout().bitmap[0], 2 * 4096, std::byte{0});
  EXPECT_THAT([&] { open().load_checkpoint(); },
              ThrowsMessage<std::system_error>(HasSubstr("bitmap is damaged")));
}

TEST_F(ScratchTest, an_unreadable_superblock_may_have_been_the_newer_one) {
  Scratch scratch = format();
  scratch.checkpoint(bitmap({1}));
  disk.fail_reads(kOffset, 4096);
  EXPECT_THROW(open(), std::system_error);
  disk.heal();
  disk.fail_reads(kOffset + 4096, 4096);
  EXPECT_THROW(open(), std::system_error);
}

TEST_F(ScratchTest, a_place_too_small_is_refused) {
  const auto format_at = [&](std::uint64_t offset) {
    Scratch::format(disk.open(), offset, "job", kVolume, kGranularity, kLog);
  };
  EXPECT_THAT([&] { format_at((2 << 20) - 4096); },
              ThrowsMessage<std::system_error>(HasSubstr("40960 bytes are needed")));
  EXPECT_THROW(format_at(4 << 20), std::system_error);
  EXPECT_THROW(format_at(512), std::system_error);
}

TEST_F(ScratchTest, a_failed_checkpoint_leaves_the_one_before) {
  Scratch scratch = format();
  scratch.checkpoint(bitmap({1}));
  disk.fail_writes(kOffset, 8192);
  EXPECT_THROW(scratch.checkpoint(bitmap({2})), std::system_error);
  disk.heal();
  expect_equal(open().load_checkpoint(), bitmap({1}));
}

}  // namespace
}  // namespace dmjob::store

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Power cuts at each write and flush, with any part of what was not flushed lost: what is found is
// the checkpoint before or the one under way.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <system_error>

#include "libjob/store/scratch.h"
#include "tests/support/fake_disk.h"

namespace dmjob::store {
namespace {

using test::FakeDisk;

// More than a page of bits, so that a torn bitmap is possible.
constexpr std::uint64_t kGranularity = 4096;
constexpr std::uint64_t kVolume = 100000 * kGranularity;

class ScratchPowerCut : public ::testing::Test {
 protected:
  using Bits = std::vector<std::byte>;
  using Keep = FakeDisk::KeepSector;

  struct Moment {
    std::size_t step = 0;  // the checkpoint is durable from here on
    Bits bits;
  };

  static Bits bits_of(const io::DirtyBitmap& dirty) {
    return {dirty.bytes().begin(), dirty.bytes().end()};
  }

  void format() {
    scratch_ = Scratch::format(disk_.open(), 0, "job", kVolume, kGranularity, 4096);
    remember(scratch_->load_checkpoint());
  }

  void checkpoint_at_random() {
    io::DirtyBitmap dirty(kVolume, kGranularity);
    const std::uint64_t chance = 1 + random_() % 8;
    for (std::uint64_t region = 0; region < dirty.regions(); ++region) {
      if (random_() % chance == 0) dirty.set(region);
    }
    scratch_->checkpoint(dirty);
    remember(dirty);
  }

  void reopen() { scratch_ = Scratch::open(disk_.open(), 0, "job"); }

  void expect_whole_checkpoint_at_each_step() {
    for (std::size_t step = 0; step <= disk_.steps(); ++step) {
      expect_whole_checkpoint(step, [] { return false; });
      expect_whole_checkpoint(step, [] { return true; });
      for (int pattern = 0; pattern < 6; ++pattern) {
        expect_whole_checkpoint(step, [this] { return random_() % 2 == 0; });
      }
    }
  }

 private:
  void remember(const io::DirtyBitmap& dirty) {
    moments_.push_back({disk_.steps(), bits_of(dirty)});
  }

  // Throwing is right only before the first is durable: nobody has been told of it.
  void expect_whole_checkpoint(std::size_t step, const Keep& keep) {
    const auto next = std::ranges::upper_bound(moments_, step, {}, &Moment::step);
    const auto found_disk = disk_.after_power_cut(step, keep);
    std::optional<Bits> found;
    try {
      found = bits_of(Scratch::open(found_disk->open(), 0, "job").load_checkpoint());
    } catch (const std::system_error&) {
    }
    const bool is_last = next != moments_.begin() && found == std::prev(next)->bits;
    const bool is_under_way = next != moments_.end() && found == next->bits;
    const bool is_none = next == moments_.begin() && !found;
    EXPECT_TRUE(is_last || is_under_way || is_none) << "power cut after step " << step;
  }

  FakeDisk disk_{{.size = 1 << 20}};
  std::optional<Scratch> scratch_;
  std::vector<Moment> moments_;
  std::mt19937 random_{1};
};

TEST_F(ScratchPowerCut, leaves_one_whole_checkpoint) {
  format();
  checkpoint_at_random();
  checkpoint_at_random();
  checkpoint_at_random();
  expect_whole_checkpoint_at_each_step();
}

TEST_F(ScratchPowerCut, leaves_one_whole_checkpoint_after_a_restart_too) {
  format();
  checkpoint_at_random();
  reopen();
  checkpoint_at_random();
  reopen();
  checkpoint_at_random();
  expect_whole_checkpoint_at_each_step();
}

}  // namespace
}  // namespace dmjob::store

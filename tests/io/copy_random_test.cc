// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Random disks, options, bits and bad blocks: what was dirty is copied exactly, all else untouched.
#include <algorithm>
#include <random>

#include "libjob/io/copy_engine.h"
#include "tests/io/copy_fixture.h"

namespace dmjob::io {
namespace {

class RandomCopy : public CopyTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool maybe() { return pick(2) == 0; }

  void make_any_disks() {
    const std::uint64_t granularity = 4096u << pick(8);
    const std::uint64_t size = 512 * (1 + pick(8 * kMiB / 512));
    options.request_bytes = 4096u << pick(10);
    options.in_flight_bytes = options.request_bytes * (1 + pick(8));
    options.target_is_zero = maybe();
    make_disks({.size = size},
               {.size = size + 4096 - size % 4096,
                .alignment = maybe() ? 512u : 4096u,
                .is_file = maybe()},
               granularity);
    if (options.target_is_zero) target->fill(0, size, std::byte{0});
  }

  void dirty_any() {
    const std::uint64_t chance = 1 + pick(10);
    for (std::uint64_t region = 0; region < dirty->regions(); ++region) {
      if (pick(chance) == 0) dirty->set(region);
    }
  }

  void zero_any() {
    const std::uint64_t sectors = dirty->size() / 512;
    const std::uint64_t begin = pick(sectors);
    source->fill(begin * 512, 512 * (1 + pick(sectors - begin)), std::byte{0});
  }

  void break_any_block() {
    answer = core::ErrorAction::kIgnore;
    source->fail_reads(512 * pick(dirty->size() / 512), 512);
    if (maybe()) target->fail_writes(4096 * pick((dirty->size() + 4095) / 4096), 4096);
  }

  std::vector<std::uint64_t> regions_of(const std::vector<CopyError>& errors) const {
    std::vector<std::uint64_t> regions;
    for (const CopyError& error : errors) {
      const std::uint64_t last = (error.offset + error.length - 1) / dirty->granularity();
      for (std::uint64_t region = error.offset / dirty->granularity(); region <= last; ++region) {
        regions.push_back(region);
      }
    }
    return regions;
  }

  // Stops now and then; goes on until it is clean.
  void copy_in_pieces() {
    CopyResult result;
    do {
      source->on_io([this, left = pick(1000)]() mutable {
        if (left-- == 0) control.stop();
      });
      result = copy();
      control.go_on();
    } while (result.end == CopyEnd::kStopped);
    EXPECT_EQ(result.end, CopyEnd::kClean);
  }

 private:
  std::mt19937_64 random_{GetParam()};
};

TEST_P(RandomCopy, is_exact) {
  make_any_disks();
  dirty_any();
  zero_any();
  EXPECT_EQ(copy().end, CopyEnd::kClean);
  expect_copied();
  source->fill(2);
  zero_any();
  dirty_any();
  EXPECT_EQ(copy().end, CopyEnd::kClean);
  expect_copied();
}

TEST_P(RandomCopy, with_bad_blocks_leaves_just_their_regions) {
  make_any_disks();
  dirty_any();
  zero_any();
  break_any_block();
  const CopyResult result = copy();
  EXPECT_EQ(result.end, CopyEnd::kClean);
  expect_copied_but(regions_of(result.ignored));
}

TEST_P(RandomCopy, in_pieces_is_whole_in_the_end) {
  make_any_disks();
  dirty_all();
  copy_in_pieces();
  EXPECT_EQ(dirty->count(), 0u);
  expect_target_is_source(0, dirty->size());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomCopy, ::testing::Range(0u, 60u));

}  // namespace
}  // namespace dmjob::io

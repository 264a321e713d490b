// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/mirror_log.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace dmjob::dm {
namespace {

std::vector<std::byte> formatted(std::uint64_t regions, bool in_sync) {
  std::vector<std::byte> log(mirror_log_bytes(regions), std::byte{0xa5});
  format_mirror_log(log, regions, in_sync);
  return log;
}

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

std::vector<std::byte> part(const std::vector<std::byte>& log, std::ptrdiff_t from,
                            std::ptrdiff_t to) {
  return {log.begin() + from, log.begin() + to};
}

TEST(MirrorLog, BeginsWithTheKernelsHeader) {
  const auto log = formatted(0x0102030405, true);
  EXPECT_EQ(part(log, 0, 16), bytes({'r', 'R', 'i', 'M', 2, 0, 0, 0, 5, 4, 3, 2, 1, 0, 0, 0}));
  EXPECT_EQ(part(log, 16, 1024), std::vector<std::byte>(1008));
}

TEST(MirrorLog, HasOneBitARegionAndOnesBehind) {
  const auto log = formatted(19, false);
  EXPECT_EQ(part(log, 1024, 1030), bytes({0, 0, 0xf8, 0xff, 0xff, 0xff}));
  EXPECT_EQ(log.back(), std::byte{0xff});
}

TEST(MirrorLog, InSyncIsAllOnes) {
  const auto log = formatted(19, true);
  EXPECT_EQ(part(log, 1024, 4096), std::vector<std::byte>(3072, std::byte{0xff}));
}

TEST(MirrorLog, MarksOneRegionLowestBitFirst) {
  auto log = formatted(64, true);
  mark_region(log, 0);
  mark_region(log, 9);
  mark_region(log, 63);
  EXPECT_EQ(part(log, 1024, 1032), bytes({0xfe, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}));
}

TEST(MirrorLog, IsAWholeNumberOfBlocksAndOfTheKernelsWords) {
  EXPECT_EQ(mirror_log_bytes(1), 4096U);
  EXPECT_EQ(mirror_log_bytes(3072 * 8), 4096U);
  EXPECT_EQ(mirror_log_bytes(3072 * 8 + 1), 8192U);
  EXPECT_EQ(mirror_log_bytes(1ULL << 28), (1ULL << 25) + 4096);
}

TEST(MirrorLog, GivesBackItsBits) {
  auto log = formatted(12, true);
  mark_region(log, 8);
  const auto bits = mirror_log_bits(log, 12);
  ASSERT_EQ(bits.size(), 2U);
  EXPECT_EQ(std::to_integer<int>(bits[1]) & 0x0f, 0x0e);
}

TEST(MirrorLog, OfAnotherKindIsNotValid) {
  const auto log = formatted(12, true);
  EXPECT_TRUE(valid_mirror_log(log, 12));
  EXPECT_FALSE(valid_mirror_log(log, 13));
  for (const std::size_t at : {0U, 4U, 8U, 15U}) {
    auto spoilt = log;
    spoilt[at] ^= std::byte{1};
    EXPECT_FALSE(valid_mirror_log(spoilt, 12)) << at;
  }
  EXPECT_FALSE(valid_mirror_log(std::span(log).first(1000), 12));
  EXPECT_FALSE(valid_mirror_log({}, 0));
}

}  // namespace
}  // namespace dmjob::dm

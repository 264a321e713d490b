// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/superblock.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <string_view>

#include "libjob/io/crc32c.h"

namespace dmjob::store {
namespace {

constexpr std::string_view kMagic = "DMJOBSCR";
constexpr std::uint32_t kVersion = 2;
// struct disk_header of dm-snap-persistent.c: magic, not valid, no version, no chunk size. blkid,
// wipefs and installers see a DM_snapshot_cow, and a snapshot over it would refuse its service.
constexpr std::string_view kFront("SnAp\0\0\0\0\0\0\0\0\0\0\0\0", 16);
// Bytes of a volume or log; sums of some of them do not overflow.
constexpr std::uint64_t kLargest = std::uint64_t{1} << 60;

// From the name on; in version 1 it was at the front.
enum Place : std::size_t {
  kMagicAt = 0,
  kVersionAt = 8,
  kCrcAt = 12,
  kSequenceAt = 16,
  kVolumeSizeAt = 24,
  kGranularityAt = 32,
  kLogBytesAt = 40,
  kBitmapSlotAt = 48,
  kBitmapCrcAt = 52,
  kUuidAt = 56,
};

template <typename Number>
void put(std::span<std::byte> block, std::size_t at, Number number) {
  for (std::size_t i = 0; i < sizeof number; ++i) {
    block[at + i] = static_cast<std::byte>(number >> (8 * i));
  }
}

template <typename Number>
Number get(std::span<const std::byte> block, std::size_t at) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i) {
    number |= std::to_integer<Number>(block[at + i]) << (8 * i);
  }
  return number;
}

std::uint32_t checksum(std::span<const std::byte> block) {
  return io::crc32c(block.subspan(kSequenceAt));
}

bool is_possible(const Superblock& superblock) {
  return std::has_single_bit(superblock.granularity) && superblock.bitmap_slot < 2 &&
         superblock.sequence > 0 && superblock.volume_size <= kLargest &&
         superblock.log_bytes <= kLargest;
}

}  // namespace

void encode(const Superblock& superblock, std::span<std::byte> whole) {
  assert(whole.size() == kSuperblockBytes && superblock.job_uuid.size() <= kLongestUuid);
  std::ranges::fill(whole, std::byte{0});
  std::memcpy(whole.data(), kFront.data(), kFront.size());
  const std::span<std::byte> block = whole.subspan(kFront.size());
  std::memcpy(&block[kMagicAt], kMagic.data(), kMagic.size());
  put(block, kVersionAt, kVersion);
  put(block, kSequenceAt, superblock.sequence);
  put(block, kVolumeSizeAt, superblock.volume_size);
  put(block, kGranularityAt, superblock.granularity);
  put(block, kLogBytesAt, superblock.log_bytes);
  put(block, kBitmapSlotAt, superblock.bitmap_slot);
  put(block, kBitmapCrcAt, superblock.bitmap_crc);
  std::memcpy(&block[kUuidAt], superblock.job_uuid.data(), superblock.job_uuid.size());
  put(block, kCrcAt, checksum(block));
}

std::optional<Superblock> decode(std::span<const std::byte> block) {
  if (block.size() != kSuperblockBytes) return std::nullopt;
  const bool has_front = std::memcmp(block.data(), kFront.data(), kFront.size()) == 0;
  if (has_front) block = block.subspan(kFront.size());
  if (std::memcmp(&block[kMagicAt], kMagic.data(), kMagic.size()) != 0 ||
      get<std::uint32_t>(block, kVersionAt) != (has_front ? kVersion : 1) ||
      get<std::uint32_t>(block, kCrcAt) != checksum(block)) {
    return std::nullopt;
  }
  Superblock superblock;
  superblock.sequence = get<std::uint64_t>(block, kSequenceAt);
  superblock.volume_size = get<std::uint64_t>(block, kVolumeSizeAt);
  superblock.granularity = get<std::uint64_t>(block, kGranularityAt);
  superblock.log_bytes = get<std::uint64_t>(block, kLogBytesAt);
  superblock.bitmap_slot = get<std::uint32_t>(block, kBitmapSlotAt);
  superblock.bitmap_crc = get<std::uint32_t>(block, kBitmapCrcAt);
  const auto uuid = block.subspan(kUuidAt, kLongestUuid);
  const auto length = std::ranges::find(uuid, std::byte{0}) - uuid.begin();
  for (const std::byte c : uuid.first(static_cast<std::size_t>(length))) {
    superblock.job_uuid += std::to_integer<char>(c);
  }
  return is_possible(superblock) ? std::optional(superblock) : std::nullopt;
}

}  // namespace dmjob::store

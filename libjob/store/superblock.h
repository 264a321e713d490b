// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The block that begins a scratch, as bytes and as a value. All numbers little-endian:
//
//   0  "SnAp", 12 bytes of 0: to others the head of a snapshot's cow that is not valid, so that a
//      disk with a scratch is not an empty one to blkid, wipefs and installers
//   16 magic "DMJOBSCR"   24 version u32, 2   28 crc32c u32 of all from byte 32 to 4096
//   32 sequence u64   40 volume size u64   48 granularity u64   56 log bytes u64
//   64 bitmap slot u32   68 crc32c of the bitmap u32   72 job uuid, 64 characters, padded with 0
//
// Version 1 is read, too: the same without the first 16 bytes, with the magic at 0.
//
// Thread: any (pure functions).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace dmjob::store {

inline constexpr std::uint64_t kSuperblockBytes = 4096;
inline constexpr std::size_t kLongestUuid = 64;

struct Superblock {
  std::uint64_t sequence = 0;
  std::uint64_t volume_size = 0;
  std::uint64_t granularity = 0;
  std::uint64_t log_bytes = 0;
  std::uint32_t bitmap_slot = 0;
  std::uint32_t bitmap_crc = 0;
  std::string job_uuid;

  bool operator==(const Superblock&) const = default;
};

// Preconditions: a block of kSuperblockBytes; a uuid of at most kLongestUuid.
void encode(const Superblock& superblock, std::span<std::byte> block);
// nullopt if it is none, torn, of another version, or says what cannot be.
std::optional<Superblock> decode(std::span<const std::byte> block);

}  // namespace dmjob::store

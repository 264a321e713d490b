// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/mirror_log.h"

#include <algorithm>
#include <cassert>

namespace dmjob::dm {
namespace {

constexpr std::uint64_t kMagic = 0x4D695272;  // "MiRr"
constexpr std::uint64_t kVersion = 2;
constexpr std::size_t kBitsOffset = 1024;
constexpr std::size_t kBlock = 4096;
constexpr std::uint64_t kWordBits = 64;  // the kernel's bitmap is made of unsigned longs

void put(std::span<std::byte> at, std::uint64_t value) {
  for (std::byte& b : at) {
    b = static_cast<std::byte>(value & 0xff);
    value >>= 8;
  }
}

std::uint64_t get(std::span<const std::byte> at) {
  std::uint64_t value = 0;
  for (std::size_t i = at.size(); i-- > 0;) value = value << 8 | std::to_integer<unsigned>(at[i]);
  return value;
}

std::size_t bit_bytes(std::uint64_t regions) { return regions / 8 + (regions % 8 != 0); }

}  // namespace

std::size_t mirror_log_bytes(std::uint64_t regions) {
  const std::uint64_t words = regions / kWordBits + (regions % kWordBits != 0);
  const std::size_t bytes = kBitsOffset + words * (kWordBits / 8);
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

void format_mirror_log(std::span<std::byte> log, std::uint64_t regions, bool in_sync) {
  assert(log.size() == mirror_log_bytes(regions));
  std::fill(log.begin(), log.begin() + kBitsOffset, std::byte{0});
  std::fill(log.begin() + kBitsOffset, log.end(), std::byte{0xff});
  put(log.subspan(0, 4), kMagic);
  put(log.subspan(4, 4), kVersion);
  put(log.subspan(8, 8), regions);
  if (in_sync) return;
  const auto bits = log.subspan(kBitsOffset, bit_bytes(regions));
  std::fill(bits.begin(), bits.end(), std::byte{0});
  if (regions % 8 != 0) bits.back() = static_cast<std::byte>(0xff << (regions % 8) & 0xff);
}

void mark_region(std::span<std::byte> log, std::uint64_t region) {
  const std::size_t at = kBitsOffset + region / 8;
  assert(at < log.size());
  log[at] &= ~static_cast<std::byte>(1U << (region % 8));
}

bool valid_mirror_log(std::span<const std::byte> log, std::uint64_t regions) {
  return log.size() >= kBitsOffset && log.size() >= mirror_log_bytes(regions) &&
         get(log.subspan(0, 4)) == kMagic && get(log.subspan(4, 4)) == kVersion &&
         get(log.subspan(8, 8)) == regions;
}

std::span<const std::byte> mirror_log_bits(std::span<const std::byte> log, std::uint64_t regions) {
  assert(valid_mirror_log(log, regions));
  return log.subspan(kBitsOffset, bit_bytes(regions));
}

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The sector, in which the kernel counts, and rounding. Thread: any.
#pragma once

#include <cstdint>

namespace dmjob::io {

inline constexpr std::uint64_t kSector = 512;  // bytes, whatever the disk's own blocks are

// Unit: a power of two.
constexpr std::uint64_t round_down(std::uint64_t value, std::uint64_t unit) {
  return value & ~(unit - 1);
}
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
  return round_down(value + unit - 1, unit);
}

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is to be done with bytes that were read: which of them are data, which are zeroes.
// Thread: any (pure functions).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dmjob::io {

struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool zero = false;
  bool operator==(const Extent&) const = default;
};

// The first byte behind it. Throws std::overflow_error if 64 bits cannot name that.
std::uint64_t end_of(const Extent& extent);

bool is_zero(std::span<const std::byte> data);

// Neighbouring units of the same kind in one extent; the last unit may be short.
std::vector<Extent> find_zeroes(std::span<const std::byte> data, std::uint64_t unit);

// What of [0, length) is in none of the holes, which are in order and apart.
std::vector<Extent> outside(const std::vector<Extent>& holes, std::uint64_t length);

}  // namespace dmjob::io

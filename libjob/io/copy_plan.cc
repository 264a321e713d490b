// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/copy_plan.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

namespace dmjob::io {

std::uint64_t end_of(const Extent& extent) {
  if (extent.length > std::numeric_limits<std::uint64_t>::max() - extent.offset)
    throw std::overflow_error(std::to_string(extent.length) + " bytes at byte " +
                              std::to_string(extent.offset) + " end behind every disk");
  return extent.offset + extent.length;
}

// The first byte is zero and each byte equals the one before it.
bool is_zero(std::span<const std::byte> data) {
  return data.empty() ||
         (data[0] == std::byte{0} && std::memcmp(data.data(), &data[0] + 1, data.size() - 1) == 0);
}

std::vector<Extent> find_zeroes(std::span<const std::byte> data, std::uint64_t unit) {
  std::vector<Extent> extents;
  for (std::uint64_t at = 0; at < data.size(); at += unit) {
    const std::uint64_t length = std::min<std::uint64_t>(unit, data.size() - at);
    const bool zero = is_zero(data.subspan(at, length));
    if (!extents.empty() && extents.back().zero == zero) {
      extents.back().length += length;
    } else {
      extents.push_back({at, length, zero});
    }
  }
  return extents;
}

std::vector<Extent> outside(const std::vector<Extent>& holes, std::uint64_t length) {
  std::vector<Extent> extents;
  std::uint64_t at = 0;
  for (const Extent& hole : holes) {
    if (hole.offset > at) extents.push_back({at, hole.offset - at});
    at = hole.offset + hole.length;
  }
  if (at < length) extents.push_back({at, length - at});
  return extents;
}

}  // namespace dmjob::io

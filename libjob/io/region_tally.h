// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Clears a region's bit once all its bytes have been copied, in whatever pieces and order, unless
// something in it could not be read.
// Thread: one at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include "libjob/io/dirty_bitmap.h"

namespace dmjob::io {

class RegionTally {
 public:
  explicit RegionTally(DirtyBitmap& dirty) : dirty_(dirty) {}

  // [begin, end) has been copied; no byte may be told twice.
  void add(std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t granularity = dirty_.granularity();
    while (begin < end) {
      const std::uint64_t region = begin / granularity;
      const std::uint64_t part = std::min(end, (region + 1) * granularity) - begin;
      add_to(region, part);
      begin += part;
    }
  }

  // [begin, end) could not be read: its regions stay dirty, whatever is told of them. Of a range
  // that has not been told as copied.
  void spoil(std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t granularity = dirty_.granularity();
    for (std::uint64_t region = begin / granularity; region * granularity < end; ++region)
      ++missing_.try_emplace(region, dirty_.region_bytes(region)).first->second;
  }

 private:
  void add_to(std::uint64_t region, std::uint64_t bytes) {
    const auto at = missing_.try_emplace(region, dirty_.region_bytes(region)).first;
    at->second -= bytes;
    if (at->second != 0) return;
    missing_.erase(at);
    dirty_.clear(region);
  }

  DirtyBitmap& dirty_;
  std::unordered_map<std::uint64_t, std::uint64_t> missing_;  // of regions copied in part, bytes
};

}  // namespace dmjob::io

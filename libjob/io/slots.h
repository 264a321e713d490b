// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How many buffers of which size a loop over a disk has. Thread: any (pure function).
#pragma once

#include <algorithm>
#include <cstdint>

#include "libjob/io/aligned_buffer.h"

namespace dmjob::io {

struct Slots {
  std::uint64_t bytes = 0;  // of each
  unsigned count = 0;
};

// No more of them than there are bytes on the disk: they may be locked memory, and there may be
// many jobs. block: what a buffer is a multiple of, bytes.
inline Slots plan_slots(std::uint64_t request_bytes, std::uint64_t in_flight_bytes,
                        std::uint64_t disk_bytes, std::uint64_t block) {
  constexpr std::uint64_t kMost = 64;
  const std::uint64_t bytes = std::max(std::min(in_flight_bytes, disk_bytes), block);
  const std::uint64_t each = round_up(std::clamp(request_bytes, block, bytes), block);
  return {each, static_cast<unsigned>(std::clamp<std::uint64_t>(bytes / each, 1, kMost))};
}

}  // namespace dmjob::io

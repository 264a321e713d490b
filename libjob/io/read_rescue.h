// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Reads what can be read of a range that failed as a whole.
// Thread: the copy loop's; blocks, on a bad disk for seconds a block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <system_error>
#include <vector>

#include "libjob/io/block_device.h"

namespace dmjob::io {

struct BadExtent {
  std::uint64_t offset = 0;  // from the start of the range
  std::uint64_t length = 0;
  std::error_code error;
};

// The bad extents, in order, neighbours with one error as one. A device that is gone is all bad.
// Precondition: the range failed with `error`. It ends early when give_up(); the answer is then
// worth nothing.
std::vector<BadExtent> rescue(BlockDevice& device, std::uint64_t offset, std::span<std::byte> into,
                              std::error_code error, const std::function<bool()>& give_up);

}  // namespace dmjob::io

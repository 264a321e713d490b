// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A scratch that has its place: opened, or made if it is to be a file, and given back.
// Thread: a worker; may block. Errors: std::system_error.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "libjob/io/block_device.h"
#include "libjob/io/loop_device.h"
#include "libjob/store/place.h"

namespace dmjob::store {

// An open scratch. What it holds keeps a loop device alive.
struct OpenScratch {
  std::optional<io::LoopDevice> loop;
  std::unique_ptr<io::BlockDevice> device;  // the caller moves it out
  dev_t dev = 0;                            // what dm stands on; 0 for an offline copy's file
  std::uint64_t offset = 0;                 // bytes
};

enum class ScratchUse {
  kDm,      // a block device is needed
  kDirect,  // only we read and write it
};

// Makes the file if `create` and it is missing; else it must be there.
OpenScratch open_scratch(const ScratchPlace& place, std::uint64_t bytes, ScratchUse use,
                         bool create);
// Removes the file that was made. Call it when nothing stands on it any more.
void remove_scratch(const ScratchPlace& place) noexcept;

}  // namespace dmjob::store

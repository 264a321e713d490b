// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where a copy keeps its logs and checkpoints: chosen before the job is made (nothing is changed
// then), opened when it starts, given back when it ends.
//
// In this order, if the user names none: the tail of the target, the configured folder unless it
// lives on the source, memory if it will do. Thread: a worker; may block. Errors: core::Error for
// the user, std::system_error from opening.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "libjob/drivers/copy_plan.h"
#include "libjob/io/block_device.h"
#include "libjob/io/loop_device.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

struct ScratchWish {
  std::optional<std::string> path;  // the user's
  bool force = false;               // overwrite a signature on it
  std::uint64_t bytes = 0;          // needed
  std::string folder;               // the daemon's; may be empty
  std::string memory_folder;        // empty: memory will not do
  std::string file_name;            // of the file to be made in a folder
};

ScratchPlace choose_scratch(const ScratchWish& wish, const io::ProbeResult& source,
                            const std::optional<io::ProbeResult>& target);

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

}  // namespace dmjob::drivers

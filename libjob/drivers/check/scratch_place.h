// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where a copy keeps its logs and checkpoints: chosen before the job is made; nothing is changed.
// In this order, if the user names none: the tail of the target, the configured folder unless it
// lives on the source, memory if it will do. Thread: a worker; may block. Errors: core::Error for
// the user, std::system_error from opening.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libjob/drivers/check/check_context.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

struct ScratchWish {
  std::optional<std::string> path;  // the user's
  bool force = false;               // overwrite a signature on it
  std::uint64_t bytes = 0;          // needed
  std::string folder;               // the daemon's; may be empty
  std::string memory_folder;        // empty: memory will not do
  std::string file_name;            // of the file to be made in a folder
  bool waited_for = false;          // by the writes to a volume
  // Bytes of a logical block of a disk, at most. dm-snapshot gives those of the scratch to the
  // volume, whose file system writes smaller ones if it has seen smaller ones.
  std::uint32_t most_block = 4096;
};

ScratchPlace choose_scratch(const ScratchWish& wish, const io::ProbeResult& source,
                            const std::optional<io::ProbeResult>& target,
                            const CheckContext& context);

}  // namespace dmjob::drivers

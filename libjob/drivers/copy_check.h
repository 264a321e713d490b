// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Everything that can be wrong with a copy before it begins. Nothing is changed.
// Thread: a worker; may block (opens and probes the disks). Errors: core::Error for the user.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "dm/control.h"
#include "libjob/drivers/copy_plan.h"
#include "libjob/drivers/copy_request.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::drivers {

// What the check may look at; values, since it runs beside the reactor.
struct CheckContext {
  dm::Control* control = nullptr;  // null: no device-mapper
  std::map<std::string, volumes::ManagedVolume> volumes;
  std::map<std::string, std::string> busy;  // claim -> id of the job that has it
  std::string scratch_folder;
  std::string state_folder;
  std::string memory_folder;
};

struct CheckedCopy {
  CopyPlan plan;
  std::string default_id;           // if the user gave none
  std::vector<std::string> claims;  // what nobody else may use meanwhile
  dev_t volume = 0;                 // 0: an offline copy
  std::vector<dev_t> disks;         // that it writes to, and its volume
};

CheckedCopy check_copy(const CopyRequest& request, const CheckContext& context);
// Copies of one transaction, whose volumes are suspended at the same time: what one needs may not
// stand on the other's volume. Throws Error if it does. Thread: a worker.
void check_apart(const CheckedCopy& one, const CheckedCopy& other);

// Bytes of scratch that a plan needs.
std::uint64_t scratch_bytes(const CopyPlan& plan);
// Regions of a plan's bitmap, and bytes of each of its logs (0 for an offline copy).
std::uint64_t regions(const CopyPlan& plan);
std::uint64_t log_bytes(const CopyPlan& plan);

}  // namespace dmjob::drivers

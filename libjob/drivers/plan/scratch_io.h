// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The scratch of a plan, on the device that was opened for it, which goes into it.
// Thread: a worker; may block. Errors: std::system_error.
#pragma once

#include <optional>

#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/io/device_lock.h"
#include "libjob/store/open_scratch.h"
#include "libjob/store/scratch.h"

namespace dmjob::drivers {

using store::open_scratch;
using store::OpenScratch;
using store::remove_scratch;
using store::ScratchUse;

// Nobody else may take a scratch on a disk, and nobody has. kDm: until dm has it. kDirect: for as
// long as the job uses it; that of a tail is the lock of its target.
std::optional<io::DeviceLock> lock_scratch(const CopyPlan& plan);
// create: makes the file if it is missing.
OpenScratch open_device_of(const CopyPlan& plan, ScratchUse use, bool create);
// The same at another place: where the tail of a held target is written to.
OpenScratch open_device_of(const CopyPlan& plan, const ScratchPlace& place, ScratchUse use,
                           bool create);
// A new one, by which all is dirty.
store::Scratch format_scratch(const CopyPlan& plan, OpenScratch& device);
// The one that an earlier process has left.
store::Scratch reopen_scratch(const CopyPlan& plan, OpenScratch& device);

}  // namespace dmjob::drivers

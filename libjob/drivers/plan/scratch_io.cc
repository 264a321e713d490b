// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/plan/scratch_io.h"

#include <utility>

#include "libjob/core/error.h"
#include "libjob/io/disk_identity.h"

namespace dmjob::drivers {

// One in the target's tail is held with the target.
std::optional<io::DeviceLock> lock_scratch(const CopyPlan& plan) {
  if (plan.scratch.kind != ScratchPlace::Kind::kDevice) return std::nullopt;
  return io::DeviceLock(plan.scratch.path, io::DeviceLock::Mode::kExclusive);
}

OpenScratch open_device_of(const CopyPlan& plan, ScratchUse use, bool create) {
  return open_device_of(plan, plan.scratch, use, create);
}

// After a boot its path may lead to a disk that nobody has given us.
OpenScratch open_device_of(const CopyPlan& plan, const ScratchPlace& place, ScratchUse use,
                           bool create) {
  if (io::is_another_disk(plan.scratch_disk, plan.scratch.path))
    throw core::Error("another disk is in the place of scratch " + plan.scratch.path +
                      ": start again with another --scratch");
  return open_scratch(place, scratch_bytes(plan), use, create);
}

store::Scratch format_scratch(const CopyPlan& plan, OpenScratch& device) {
  return store::Scratch::format(std::move(device.device), device.offset, plan.uuid, plan.size,
                                plan.granularity, log_bytes(plan));
}

store::Scratch reopen_scratch(const CopyPlan& plan, OpenScratch& device) {
  return store::Scratch::open(std::move(device.device), device.offset, plan.uuid);
}

}  // namespace dmjob::drivers

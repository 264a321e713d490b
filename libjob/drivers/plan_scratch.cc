// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/plan_scratch.h"

#include <utility>

#include "libjob/drivers/plan_check.h"

namespace dmjob::drivers {

store::OpenScratch open_device_of(const CopyPlan& plan, store::ScratchUse use, bool create) {
  return store::open_scratch(plan.scratch, scratch_bytes(plan), use, create);
}

store::Scratch format_scratch(const CopyPlan& plan, store::OpenScratch& device) {
  return store::Scratch::format(std::move(device.device), device.offset, plan.uuid, plan.size,
                                plan.granularity, log_bytes(plan));
}

store::Scratch reopen_scratch(const CopyPlan& plan, store::OpenScratch& device) {
  return store::Scratch::open(std::move(device.device), device.offset, plan.uuid);
}

}  // namespace dmjob::drivers

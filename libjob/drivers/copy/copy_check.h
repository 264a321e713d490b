// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Everything that can be wrong with a copy before it begins. Nothing is changed.
// Thread: a worker; may block (opens and probes the disks). Errors: core::Error for the user.
#pragma once

#include "libjob/drivers/check/check_context.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/drivers/plan/copy_request.h"

namespace dmjob::drivers {

struct CheckedCopy {
  CopyPlan plan;
  Footprint footprint;
};

CheckedCopy check_copy(const CopyRequest& request, const CheckContext& context);

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Everything that can be wrong with a comparison before it begins. Nothing is changed.
// Thread: a worker; may block (opens and probes the disks). Errors: core::Error for the user.
#pragma once

#include "libjob/drivers/compare_request.h"
#include "libjob/drivers/copy_check.h"

namespace dmjob::drivers {

// Its plan names what is compared; it has no scratch.
CheckedCopy check_comparison(const CompareRequest& request, const CheckContext& context);

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Everything that can be wrong with a comparison before it begins. Nothing is changed.
// Thread: a worker; may block (opens and probes the disks). Errors: core::Error for the user.
#pragma once

#include "libjob/drivers/backup/backup_check.h"
#include "libjob/drivers/plan/compare_request.h"

namespace dmjob::drivers {

// With a cow if the source is a volume in use; else its plan has no scratch.
CheckedBackup check_comparison(const CompareRequest& request, const CheckContext& context);

}  // namespace dmjob::drivers

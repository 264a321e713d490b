// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Everything that can be wrong with a backup before it begins. Nothing is changed.
// Thread: a worker; may block (opens and probes the disks). Errors: core::Error for the user.
#pragma once

#include <optional>

#include "libjob/drivers/backup/chain_check.h"
#include "libjob/drivers/check/check_context.h"
#include "libjob/drivers/check/source_check.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/drivers/plan/copy_request.h"
#include "libjob/store/cow_space.h"

namespace dmjob::drivers {

struct CheckedBackup {
  CopyPlan plan;
  std::optional<store::CowPlace> cow;  // of a volume in use; where its scratch is
  CheckedChain chain;
  Footprint footprint;
};

CheckedBackup check_backup(const BackupRequest& request, const CheckContext& context);
// Chooses the scratch of what is checked, whose plan is made otherwise, and the cow if its source
// is live. target: whose tail may be taken.
void place_scratch(CheckedBackup& checked, const TransferRequest& request, const Source& source,
                   const std::optional<io::ProbeResult>& target, const CheckContext& context);

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the checks of copies and of backups have in common: from a request to a plan.
// Thread: a worker; may block (opens and probes the disks). Errors: core::Error for the user.
#pragma once

#include <cstdint>
#include <optional>

#include "libjob/drivers/check/check_context.h"
#include "libjob/drivers/check/scratch_place.h"
#include "libjob/drivers/check/source_check.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/drivers/plan/copy_request.h"
#include "libjob/store/cow_space.h"

namespace dmjob::drivers {

void check_transfer_source(const Source& source);
// All but the scratch.
CopyPlan plan_transfer(const TransferRequest& request, const Source& source,
                       const std::optional<io::ProbeResult>& target, const CheckContext& context);
// What to ask of choose_scratch().
ScratchWish scratch_wish(const TransferRequest& request, const CopyPlan& plan,
                         const CheckContext& context);
// cow: of a backup.
Footprint footprint_of(const TransferRequest& request, const CopyPlan& plan, const Source& source,
                       const std::optional<store::CowPlace>& cow = {});

// Which disk it is, too.
void set_scratch(CopyPlan& plan, ScratchPlace scratch);

}  // namespace dmjob::drivers

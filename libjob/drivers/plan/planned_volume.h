// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The volume that a job was made for, before the job puts anything under it: known by its uuid, and
// as long as it was. Its owner may have changed it while no dmjobd was there.
// Thread: a worker. Errors: core::Error for the user, std::system_error.
#pragma once

#include <string>

#include "dm/control.h"
#include "libjob/drivers/plan/copy_plan.h"

namespace dmjob::drivers {

// By what name it goes now: somebody may have renamed it while no dmjobd was there. The name that
// it had if no volume has its uuid, or it has none.
std::string name_of_planned_volume(dm::Control& control, const CopyPlan& plan);
// Throws Error if the volume is not there, is another one, or has another size.
void require_planned_volume(dm::Control& control, const CopyPlan& plan);
// A file system on it is mounted, as far as can be seen. Throws nothing.
bool is_mounted(const CopyPlan& plan);

}  // namespace dmjob::drivers

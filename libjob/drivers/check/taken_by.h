// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What each kind of holder names. Thread: any (values).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "libjob/drivers/check/check_context.h"
#include "libjob/drivers/check/taken.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/store/cow_space.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::drivers {

// cow: of a backup. A stream's plan is that of an offline copy.
std::vector<Use> uses_of(const CopyPlan& plan, const std::optional<store::CowPlace>& cow = {});
Use use_of(const volumes::Tracking& tracking);
// The superblock that its scratch begins with, if that is on a disk.
std::vector<Mark> marks_of(const CopyPlan& plan);
// The volume of a job that works on what it holds.
Use use_of_volume(const std::string& name);
// Of a stream: its target is what the volume is to live on.
void let_wait_for_target(std::vector<Use>& uses);

Holding holding_of(const volumes::ManagedVolume& volume);
Holding holding_of(const std::string& job_id, const Footprint& footprint);

}  // namespace dmjob::drivers

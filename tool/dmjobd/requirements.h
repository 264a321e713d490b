// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What several commands need before they begin, each with its one refusal.
// Thread: the reactor. Errors: core::Error, one line for the user.
#pragma once

#include <string>

#include "dm/control.h"
#include "libjob/core/registry.h"
#include "libjob/drivers/plan/environment.h"

namespace dmjob::daemon {

constexpr const char* kNoDeviceMapper = "this kernel has no device-mapper (modprobe dm-mod)";

dm::Control& require_control(const drivers::Environment& environment);
// The reference is good until the volume is changed or removed.
const volumes::ManagedVolume& require_managed(const volumes::ManagedVolumes& volumes,
                                              const std::string& name);
// No job holds the volume.
void require_no_job(const core::Registry& registry, const std::string& volume);

}  // namespace dmjob::daemon

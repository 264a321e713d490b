// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which device-mapper targets the kernel has. Thread: any that may block (modules are loaded).
#pragma once

#include <string>
#include <vector>

#include "dm/control.h"

namespace dmjob::dm {

// What the jobs are built from.
inline constexpr const char* kTargetsOfCopy[] = {"linear", "error", "delay", "mirror"};
inline constexpr const char* kTargetsOfSnapshots[] = {"linear", "snapshot", "snapshot-origin",
                                                      "snapshot-merge"};

// Those of `needed` that the kernel has neither built in nor as a module, in the same order.
// Throws std::system_error if device-mapper itself is missing.
std::vector<std::string> missing_targets(Control& control, const std::vector<std::string>& needed);

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which device-mapper targets the kernel has. Thread: any that may block (modules are loaded).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dm/control.h"

namespace dmjob::dm {

using Targets = std::span<const std::string_view>;

// What the jobs are built from.
inline constexpr std::string_view kTargetsOfCopy[] = {"linear", "error", "delay", "mirror",
                                                      "snapshot-origin"};
inline constexpr std::string_view kTargetsOfBackup[] = {"linear", "snapshot", "snapshot-origin"};
inline constexpr std::string_view kTargetsOfTracker[] = {"linear", "error", "delay", "mirror",
                                                         "snapshot-origin"};
inline constexpr std::string_view kTargetsOfOverlay[] = {"linear", "delay", "snapshot"};
inline constexpr std::string_view kTargetsOfMerge[] = {"linear", "snapshot-merge"};

// Those of `needed` that the kernel has neither built in nor as a module, in the same order; it
// loads the modules that it has. Throws std::system_error if device-mapper itself is missing.
std::vector<std::string> missing_targets(Control& control, Targets needed);

// The module that has a target, as modprobe(8) knows it.
std::string module_of(std::string_view target);

// A line for each module that this kernel lacks: what cannot be done without it. As above.
std::vector<std::string> missing_modules(Control& control);

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Another log for a tracker whose daemon is dead. Of its three logs one is in use, and what has
// changed is what all of them mark (with a checkpoint that only a daemon writes). So the marks of
// the next one move to the third, and the next one is free: it marks nothing, and the next daemon
// finds the same as before.
//
// With the log that it has, a tracker that is loaded anew tries all that is marked, and counts as
// failed, with its writes, until it is through, if it meets a place that cannot be read.
//
// Thread: any, while no daemon works at that tracker. May block; direct I/O to the logs only.
#pragma once

#include <optional>
#include <string>

#include "dm/control.h"

namespace dmjob::daemon {

// The table of a tracker with the log that was freed. `table`: what it has now. nullopt if there is
// none to be had: its devices are not as ours are, a log is damaged or fails.
std::optional<dm::Table> with_a_free_log(dm::Control& control, const std::string& wr,
                                         const dm::Table& table) noexcept;

}  // namespace dmjob::daemon

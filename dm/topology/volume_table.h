// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The table of a volume that a job is to interpose on, or has.
// Thread: as the stack that asks. Errors: std::system_error.
#pragma once

#include <functional>
#include <string>

#include "dm/control.h"

namespace dmjob::dm {

// Its own table. Refuses a volume that is suspended (EBUSY), read-only (EROFS), empty (EINVAL), has
// a table loaded by somebody else (EBUSY) or a target that must not be active twice, e.g. raid or
// cache (EOPNOTSUPP).
Table checked_volume_table(Control& control, const std::string& volume);

// After the death of a process that was changing the volume: if one of its tables is `ours`, drops
// the inactive one and resumes it. Never beside that process.
void settle_volume(Control& control, const std::string& volume,
                   const std::function<bool(const Table&)>& ours);

}  // namespace dmjob::dm

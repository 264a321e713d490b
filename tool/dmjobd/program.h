// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon's process from start to end, behind its options.
// Thread: main, which becomes the reactor.
#pragma once

#include "tool/dmjobd/config.h"

namespace dmjob::daemon {

// Returns the exit status. Throws core::Error, std::system_error and store::StateDamaged for what
// keeps the daemon from starting; nothing has been touched then.
int run_program(const Config& config);

}  // namespace dmjob::daemon

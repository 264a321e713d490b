// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Before a job is started that moves a volume: whether what stands on it could pass flushes to its
// new disk. Thread: a worker. Errors: core::Error for the user.
#pragma once

#include <string>

#include "dm/control.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

void require_flushes(dm::Control& control, const std::string& volume,
                     const io::ProbeResult& target);

}  // namespace dmjob::drivers

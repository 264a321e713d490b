// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether a device-mapper device is open, and not only because somebody has a look at it, as udev
// does after each change. Thread: a worker; waits up to a second for those to close it.
#pragma once

#include <string>

#include "dm/control.h"

namespace dmjob::volumes {

// False if there is no device of that name.
bool stays_open(dm::Control& control, const std::string& name);

}  // namespace dmjob::volumes

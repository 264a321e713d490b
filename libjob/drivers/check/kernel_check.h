// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether this kernel can do what is asked for. Thread: a worker; may block (modules are loaded).
#pragma once

#include <string>

#include "dm/control.h"
#include "dm/features.h"

namespace dmjob::drivers {

// Throws core::Error. refusal: "volume 'data' cannot be copied while it is in use".
void require_targets(dm::Control& control, dm::Targets needed, const std::string& refusal);

}  // namespace dmjob::drivers

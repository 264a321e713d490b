// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What can be wrong with a disk that is to become a volume. Nothing is changed.
// Thread: a worker; may block. Errors: core::Error for the user.
#pragma once

#include <string>

#include "libjob/drivers/check/check_context.h"

namespace dmjob::drivers {

// Precondition: there is a device-mapper.
volumes::ManagedVolume check_attach(const std::string& name, const std::string& device,
                                    const CheckContext& context);

}  // namespace dmjob::drivers

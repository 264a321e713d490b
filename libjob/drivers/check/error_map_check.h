// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What can be wrong with the path of an error map. Nothing is changed.
// Thread: a worker; may block. Errors: core::Error for the user.
#pragma once

#include "libjob/drivers/check/check_context.h"
#include "libjob/drivers/plan/copy_request.h"

namespace dmjob::drivers {

// Precondition: the request names a map.
void check_error_map(const TransferRequest& request, const CheckContext& context);

}  // namespace dmjob::drivers

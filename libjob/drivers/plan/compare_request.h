// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a user asks of a comparison, as it came over the wire and before anything is checked.
// Thread: any (value).
#pragma once

#include "libjob/drivers/plan/copy_request.h"

namespace dmjob::drivers {

struct CompareRequest : TransferRequest {};

}  // namespace dmjob::drivers

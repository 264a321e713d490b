// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What can be wrong with the path of an error map. Nothing is changed.
// Thread: a worker; may block. Errors: core::Error for the user.
#pragma once

#include <map>
#include <string>

#include "libjob/drivers/copy_request.h"

namespace dmjob::drivers {

// busy: claim -> id of the job that has it. Precondition: the request names a map.
void check_error_map(const TransferRequest& request,
                     const std::map<std::string, std::string>& busy);

// The name under which nobody else may use it meanwhile.
std::string error_map_claim(const std::string& path);

}  // namespace dmjob::drivers

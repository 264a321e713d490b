// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Ids that no other has. Thread: any.
#pragma once

#include <string>

namespace dmjob::io {

// 32 random hex digits. Throws std::system_error.
std::string new_uuid();

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a job is to write. Nothing is changed.
// Thread: a worker; may block. Errors: core::Error for the user.
#pragma once

#include <optional>
#include <string>

#include "libjob/drivers/check/source_check.h"

namespace dmjob::drivers {

struct TargetWish {
  std::string path;
  bool force = false;          // overwrite what is on it
  bool must_exist = false;     // no file is made
  bool disk_only = false;      // a regular file will not do
  bool only_read = false;      // it may be read-only, and hold whatever it holds
  std::string of_volume = {};  // it may be one that this volume has for itself
};

// nullopt: a file that does not exist yet.
std::optional<io::ProbeResult> check_target(const TargetWish& wish, const Source& source,
                                            const CheckContext& context);

}  // namespace dmjob::drivers

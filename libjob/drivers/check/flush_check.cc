// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/flush_check.h"

#include "dm/targets.h"
#include "dm/topology/write_cache.h"
#include "libjob/core/error.h"

namespace dmjob::drivers {

void require_flushes(dm::Control& control, const std::string& volume,
                     const io::ProbeResult& target) {
  try {
    dm::require_followers(control, volume, dm::linear_table(1, target.dev));
  } catch (const dm::CannotFollow& why) {
    throw core::Error("volume '" + volume + "' cannot move to " + target.path + ": " + why.what());
  }
}

}  // namespace dmjob::drivers

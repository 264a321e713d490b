// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/check_context.h"

#include <algorithm>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

using core::Error;

void check_apart(const Footprint& one, const Footprint& other) {
  for (const auto& [upper, lower] : {std::pair(&one, &other), std::pair(&other, &one)}) {
    if (lower->volume_dev == 0) continue;
    const auto stands_on_lower = [&](dev_t disk) {
      return std::ranges::count(io::stands_on(disk), lower->volume_dev) > 0;
    };
    if (std::ranges::any_of(upper->disks, stands_on_lower))
      throw Error("a disk, target or scratch of the job on " + upper->source +
                  " stands on volume '" + lower->volume +
                  "', so the two cannot be suspended together: start them in two transactions");
  }
}

}  // namespace dmjob::drivers

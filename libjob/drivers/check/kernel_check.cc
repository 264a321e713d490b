// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/kernel_check.h"

#include "libjob/core/error.h"

namespace dmjob::drivers {

void require_targets(dm::Control& control, dm::Targets needed, const std::string& refusal) {
  for (const std::string& target : dm::missing_targets(control, needed))
    throw core::Error("this kernel has no dm target '" + target + "' (modprobe " +
                      dm::module_of(target) + "): " + refusal);
}

}  // namespace dmjob::drivers

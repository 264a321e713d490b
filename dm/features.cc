// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/features.h"

#include <algorithm>
#include <iterator>

namespace dmjob::dm {

std::vector<std::string> missing_targets(Control& control, const std::vector<std::string>& needed) {
  const auto loaded = control.targets();
  std::vector<std::string> missing;
  std::copy_if(needed.begin(), needed.end(), std::back_inserter(missing),
               [&](const std::string& target) {
                 return std::find(loaded.begin(), loaded.end(), target) == loaded.end() &&
                        !control.target_version(target);
               });
  return missing;
}

}  // namespace dmjob::dm

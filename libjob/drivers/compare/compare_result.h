// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a comparison has found. Thread: one at a time.
#pragma once

#include <string>
#include <vector>

#include "libjob/io/compare_engine.h"
#include "libjob/io/differences.h"

namespace dmjob::drivers {

struct CompareResult {
  io::Differences found;
  std::vector<io::CompareError> not_read;

  // Throws Error unless all was read and is equal. As the message calls them: "source /dev/sdb".
  void judge(const std::string& source, const std::string& target) const;
};

}  // namespace dmjob::drivers

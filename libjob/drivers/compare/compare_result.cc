// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/compare/compare_result.h"

#include "libjob/core/error.h"

namespace dmjob::drivers {

void CompareResult::judge(const std::string& source, const std::string& target) const {
  if (found.bytes() > 0)
    throw core::Error(source + " and " + target + " are not equal: " + found.describe());
  if (not_read.empty()) return;
  std::uint64_t bytes = 0;
  for (const io::CompareError& error : not_read) bytes += error.length;
  const io::CompareError& first = not_read.front();
  throw core::Error(
      std::to_string(bytes) + " bytes could not be read, and so not compared, for instance of " +
      (first.at_source ? source : target) + " at byte " + std::to_string(first.offset) + ": " +
      first.error.message() + "; all else is equal");
}

}  // namespace dmjob::drivers

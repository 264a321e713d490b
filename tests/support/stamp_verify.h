// SPDX-License-Identifier: LGPL-2.1-or-later
// Compares a device with what the log says that it must hold.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "tests/support/stamp_block.h"
#include "tests/support/stamp_device.h"
#include "tests/support/stamp_log.h"

namespace dmjob::stamp {

struct Mismatch {
  std::uint64_t block = 0;
  std::optional<Stamp> found;  // nothing: no stamp there, or a damaged one
  Expected wanted;
};

struct Verdict {
  std::uint64_t blocks = 0;
  std::uint64_t stamped = 0;  // blocks that the log speaks of
  std::uint64_t mismatches = 0;
  std::vector<Mismatch> first;  // at most eight
};

Verdict verify(const Device& device, const History& history);

nlohmann::json to_json(const Verdict& verdict);

}  // namespace dmjob::stamp

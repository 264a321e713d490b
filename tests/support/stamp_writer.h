// SPDX-License-Identifier: LGPL-2.1-or-later
// A writer that is always in the middle of something: random writes of one to sixteen blocks, one
// at a time, most of them to a hot part of the device, each in the log before and after.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/support/stamp_device.h"
#include "tests/support/stamp_log.h"

namespace dmjob::stamp {

struct WriterOptions {
  std::chrono::duration<double> duration{};
  double iops = 500;
  std::uint64_t seed = 1;
  bool sync = false;  // a write counts as acknowledged after an fsync
};

// A write that took longer than 20 ms.
struct Stall {
  double at = 0;  // seconds since the epoch, its start
  double ms = 0;
};

struct WriterStats {
  std::vector<double> latencies_ms;
  std::vector<Stall> stalls;
  std::string error;  // of the write that ended the run, or empty
};

// Stamps every block of the range with sequence number 0.
void fill(Device& device);

// Until the time is over, `stopped` says so, or a write fails.
WriterStats run_writer(Device& device, Log& log, std::uint64_t first_sequence,
                       const WriterOptions& options, const std::function<bool()>& stopped);

nlohmann::json to_json(const WriterStats& stats);

}  // namespace dmjob::stamp

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Reads two disks and compares them: what a bitmap names, in bounded requests, at the limit's rate.
// A bit is cleared when all of its region has been compared or left out; what differs in it is told
// just then, so each difference is told once, however often the comparison is stopped on the way.
//
// Thread: run() on the job's worker; the control from any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "libjob/core/clock.h"
#include "libjob/core/progress.h"
#include "libjob/io/block_device.h"
#include "libjob/io/copy_control.h"
#include "libjob/io/copy_plan.h"
#include "libjob/io/dirty_bitmap.h"
#include "libjob/io/units.h"

namespace dmjob::io {

struct CompareOptions {
  std::uint64_t request_bytes = 1 << 20;
  std::uint64_t in_flight_bytes = 8 << 20;  // of each side
};

// A side that could not be read, narrowed down to the smallest extent, in blocks of that side.
struct CompareError {
  bool at_source = false;
  std::uint64_t offset = 0;  // bytes
  std::uint64_t length = 0;  // bytes
  std::error_code error;
};

struct CompareResult {
  CopyEnd end = CopyEnd::kClean;
  std::optional<CompareError> error;  // with kError; its region's bit is still set
  std::vector<CompareError> left_out;
};

class CompareEngine {
 public:
  // Differences are told in these units, or what the last one has.
  static constexpr std::uint64_t kUnit = kSector;

  // Called on the worker; must neither block nor throw.
  struct Calls {
    std::function<void(const Extent&)> differs;
    // True: leave it out and go on. False: run() ends.
    std::function<bool(const CompareError&)> leave_out;
  };

  // The devices outlive the engine.
  CompareEngine(BlockDevice& source, BlockDevice& target, CopyControl& control,
                const core::Clock& clock, CompareOptions options = {});
  ~CompareEngine();

  // Compares until no bit is set, stopped, or `until`. Each region is tried once; one begun before
  // `until` is finished. Progress::add_done() is called with what has been compared.
  // Precondition: granularity is a multiple of both alignments, and the target holds left.size().
  CompareResult run(DirtyBitmap& left, core::Progress& progress, core::TimePoint until,
                    const Calls& calls);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dmjob::io

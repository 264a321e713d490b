// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The bulk copy: reads what the bitmap names from the source, writes it to the target, clears the
// bits. Bounded requests and bytes in flight; runs of zeroes are written as zeroes or become holes.
// A bit is cleared when all of its region has been written, which is not yet stable storage: flush
// the target before storing the bitmap.
//
// Thread: run() on the job's worker; control() from any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>
#include <vector>

#include "libjob/core/clock.h"
#include "libjob/core/error_policy.h"
#include "libjob/core/progress.h"
#include "libjob/io/block_device.h"
#include "libjob/io/copy_control.h"
#include "libjob/io/dirty_bitmap.h"

namespace dmjob::io {

struct CopyOptions {
  std::uint64_t request_bytes = 1 << 20;
  std::uint64_t in_flight_bytes = 16 << 20;
  // The target reads as zeroes wherever this engine has not written: it is new, and nobody else
  // writes to it while the engine lives (no mirror, no earlier engine). Then runs of zeroes need no
  // write. Without effect on a file: it is punched anyhow, which costs little where there is a
  // hole.
  bool target_is_zero = false;
};

// Where a copy failed. A failed read is narrowed down to the smallest unreadable extent, in blocks
// of the source. The readable rest of the request is copied nevertheless; in a larger block of the
// target that has both, the unreadable part becomes zeroes. Of a failed write it is the range that
// was written.
struct CopyError {
  bool is_read = false;
  std::uint64_t offset = 0;  // bytes
  std::uint64_t length = 0;  // bytes
  std::error_code error;
};

struct CopyResult {
  CopyEnd end = CopyEnd::kClean;
  std::uint64_t copied = 0;        // bytes written or skipped as zeroes
  std::optional<CopyError> error;  // with kError
  std::vector<CopyError> ignored;  // regions of these are still dirty
};

class CopyEngine {
 public:
  // The devices outlive the engine. `decide` is called on the worker for each error; it may be
  // called while requests are in flight and must neither block nor throw.
  using Decide = std::function<core::ErrorAction(const CopyError&)>;

  CopyEngine(BlockDevice& source, BlockDevice& target, CopyControl& control,
             const core::Clock& clock, CopyOptions options);
  ~CopyEngine();

  // Copies until the bitmap is clean, stopped, or `until`. Each dirty region is tried once.
  // Progress::add_done() is called with what has been copied. A region begun before `until` is
  // finished, else a slow copy of large regions would never get on; a stop leaves it to the next
  // run. Precondition: granularity is a multiple of both alignments, and the target holds
  // dirty.size().
  CopyResult run(DirtyBitmap& dirty, core::Progress& progress, core::TimePoint until,
                 const Decide& decide);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dmjob::io

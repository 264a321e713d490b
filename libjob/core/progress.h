// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// How far a job is: bytes done and bytes in all. Done never falls; what is still to do may grow
/// (a volume that is written to). Thread: any; the two numbers are read together.
#pragma once

#include <cstdint>
#include <mutex>

#include "libjob/core/export.h"

namespace dmjob::core {

/// Counts a job's bytes. Thread: any.
class DMJOB_EXPORT Progress {
 public:
  /// Both numbers, of one moment.
  struct Snapshot {
    std::uint64_t offset = 0;  ///< bytes done
    std::uint64_t len = 0;     ///< bytes done + bytes still to do
    /// Equal if both numbers are.
    bool operator==(const Snapshot&) const = default;
  };

  /// So many bytes more are done.
  void add_done(std::uint64_t bytes);
  /// Sets what is left; len becomes offset + bytes.
  void set_remaining(std::uint64_t bytes);
  /// Takes up a stored progress.
  void restore(Snapshot snapshot);
  /// The present numbers.
  Snapshot get() const;

 private:
  mutable std::mutex mutex_;
  Snapshot now_;
};

}  // namespace dmjob::core

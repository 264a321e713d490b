// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// How far a job is: bytes done and bytes in all. Done never falls; what is still to do may grow
/// (a volume that is written to). Thread: any; the two numbers are read together.
#pragma once

#include <cstdint>
#include <memory>

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

  /// Nothing is done, and nothing is to do.
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// So many bytes more are done.
  void add_done(std::uint64_t bytes);
  /// Sets what is left; len becomes offset + bytes.
  void set_remaining(std::uint64_t bytes);
  /// Takes up a stored progress.
  void restore(Snapshot snapshot);
  /// The present numbers.
  Snapshot get() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace dmjob::core

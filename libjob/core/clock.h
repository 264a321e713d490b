// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// The seam to time. SystemClock is the machine's monotonic clock; tests set theirs by hand.
#pragma once

#include <chrono>

#include "libjob/core/export.h"

namespace dmjob::core {

/// A length of time, in nanoseconds.
using Duration = std::chrono::nanoseconds;
/// A moment of the monotonic clock, in nanoseconds.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Tells the time.
class DMJOB_EXPORT Clock {
 public:
  virtual ~Clock() = default;
  /// The present moment. Thread: any.
  virtual TimePoint now() const = 0;
};

/// The machine's monotonic clock.
class DMJOB_EXPORT SystemClock : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace dmjob::core

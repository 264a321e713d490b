// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The seam to time. SystemClock is the machine's monotonic clock; tests set theirs by hand.
#pragma once

#include <chrono>

namespace dmjob::core {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  // Thread: any.
  virtual TimePoint now() const = 0;
};

class SystemClock : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace dmjob::core

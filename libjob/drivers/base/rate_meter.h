// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Bytes per second over the last seconds, for people. Thread: one at a time.
#pragma once

#include <cstdint>
#include <deque>

#include "libjob/core/clock.h"

namespace dmjob::drivers {

class RateMeter {
 public:
  static constexpr core::Duration kWindow = std::chrono::seconds(5);

  // `total` never falls: bytes done so far.
  void note(core::TimePoint now, std::uint64_t total);
  // 0 if nothing was noted within the window before `now`.
  std::uint64_t bytes_per_second(core::TimePoint now) const;
  void reset() { samples_.clear(); }

 private:
  struct Sample {
    core::TimePoint when;
    std::uint64_t total;
  };
  std::deque<Sample> samples_;
};

}  // namespace dmjob::drivers

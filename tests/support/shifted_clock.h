// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The machine's clock, which a test can put forward.
#pragma once

#include <atomic>

#include "libjob/core/clock.h"

namespace dmjob::test {

class ShiftedClock : public core::Clock {
 public:
  core::TimePoint now() const override { return std::chrono::steady_clock::now() + shift_.load(); }
  void put_forward(core::Duration by) { shift_ = shift_.load() + by; }

 private:
  std::atomic<core::Duration> shift_{};
};

}  // namespace dmjob::test

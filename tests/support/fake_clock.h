// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A clock that stands still until a test moves it.
#pragma once

#include "libjob/core/clock.h"

namespace dmjob::test {

class FakeClock : public core::Clock {
 public:
  core::TimePoint now() const override { return now_; }
  void advance(core::Duration by) { now_ += by; }

 private:
  core::TimePoint now_{std::chrono::hours(1)};
};

}  // namespace dmjob::test

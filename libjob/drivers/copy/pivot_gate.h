// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What has been decided for a group either happens or is revoked: who comes first keeps the other
// out. Thread: any.
#pragma once

#include <atomic>

namespace dmjob::drivers {

class PivotGate {
 public:
  // Of another decision.
  void open() { state_ = State::kOpen; }
  // All volumes are suspended and all sides equal: they switch, unless this is false.
  bool pass() { return take(State::kPassed); }
  bool is_open() const { return state_ == State::kOpen; }
  // From now on none switches, unless this is false.
  bool close() { return take(State::kClosed) || state_ == State::kClosed; }
  // Nobody is about to switch.
  void shut() { state_ = State::kClosed; }

 private:
  enum class State { kOpen, kPassed, kClosed };
  bool take(State next) {
    State expected = State::kOpen;
    return state_.compare_exchange_strong(expected, next);
  }
  std::atomic<State> state_{State::kOpen};
};

}  // namespace dmjob::drivers

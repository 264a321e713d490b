// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The live copies of one transaction, whose volumes switch in one suspended moment.
// Thread: the reactor. Owned by its members.
#pragma once

#include <atomic>
#include <vector>

namespace dmjob::drivers {

class LiveDriver;

// What has been decided for a group either happens or is revoked: who comes first keeps the other
// out. Thread: any.
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

class LiveGroup {
 public:
  LiveGroup() = default;
  LiveGroup(const LiveGroup&) = delete;
  LiveGroup& operator=(const LiveGroup&) = delete;

  void join(LiveDriver& driver) { members_.push_back(&driver); }
  void leave(const LiveDriver& driver) { std::erase(members_, &driver); }
  // Those whose copy has not ended.
  const std::vector<LiveDriver*>& members() const { return members_; }
  PivotGate& gate() { return gate_; }

 private:
  std::vector<LiveDriver*> members_;
  PivotGate gate_;
};

}  // namespace dmjob::drivers

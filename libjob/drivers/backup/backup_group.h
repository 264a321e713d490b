// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The backups of volumes in use of one transaction, which are of one instant, whatever its
// completion mode:
//
//   gathering   until all are built; the last one acts for all
//   switching   the volumes are suspended together
//   taken       from here on each is on its own
//   broken      one has failed or was cancelled before: the others fail too, since a transaction
//               begins all or nothing
//
// Thread: the reactor. Owned by its members.
#pragma once

#include <string>

#include "libjob/drivers/base/rendezvous.h"

namespace dmjob::drivers {

// Member: is_here() as of Rendezvous: it is built, and waits. hear_of_the_group(): the group is in
// another state.
template <typename Member>
class InstantGroup : private Rendezvous<Member> {
 public:
  enum class State { kGathering, kSwitching, kTaken, kBroken };

  using Base = Rendezvous<Member>;
  using Members = typename Base::Members;
  using Base::all_are_here;
  using Base::join;
  using Base::members;

  // Before the instant is taken it breaks the group, the first time.
  void leave(const Member& member, const std::string& why) {
    Base::leave(member);
    if (state_ == State::kGathering && !members().empty()) move(State::kBroken, why);
  }

  State state() const { return state_; }
  const std::string& why_broken() const { return why_broken_; }
  bool is_open() const { return state_ == State::kGathering || state_ == State::kSwitching; }
  void begin_switch() { state_ = State::kSwitching; }
  // failed: "" or why the instant could not be taken.
  void end_switch(const std::string& failed) {
    move(failed.empty() ? State::kTaken : State::kBroken, failed);
  }

 private:
  void move(State state, const std::string& why) {
    state_ = state;
    why_broken_ = why;
    for (Member* member : members()) member->hear_of_the_group();
  }

  State state_ = State::kGathering;
  std::string why_broken_;
};

class BackupMember;
using BackupGroup = InstantGroup<BackupMember>;

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Members of a transaction that wait for each other until one of them acts for all.
// Thread: the reactor. Owned by its members.
#pragma once

#include <algorithm>
#include <vector>

namespace dmjob::drivers {

// Member: has bool is_here() const, true while it waits.
template <typename Member>
class Rendezvous {
 public:
  using Members = std::vector<Member*>;

  Rendezvous() = default;
  Rendezvous(const Rendezvous&) = delete;
  Rendezvous& operator=(const Rendezvous&) = delete;

  void join(Member& member) { members_.push_back(&member); }
  // No effect if it has left already.
  void leave(const Member& member) { std::erase(members_, &member); }
  // Those that have not left.
  const Members& members() const { return members_; }
  bool all_are_here() const { return std::ranges::all_of(members_, &Member::is_here); }

 private:
  Members members_;
};

}  // namespace dmjob::drivers

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
#include <vector>

namespace dmjob::drivers {

class BackupGroup {
 public:
  class Member {
   public:
    virtual ~Member() = default;
    // It is built, and waits.
    virtual bool is_here() const = 0;
    // The group is in another state.
    virtual void hear_of_the_group() = 0;
  };
  enum class State { kGathering, kSwitching, kTaken, kBroken };

  BackupGroup() = default;
  BackupGroup(const BackupGroup&) = delete;
  BackupGroup& operator=(const BackupGroup&) = delete;

  void join(Member& member) { members_.push_back(&member); }
  // Before the instant is taken it breaks the group, the first time.
  void leave(Member& member, const std::string& why);
  const std::vector<Member*>& members() const { return members_; }

  State state() const { return state_; }
  const std::string& why_broken() const { return why_broken_; }
  bool is_open() const { return state_ == State::kGathering || state_ == State::kSwitching; }
  // All are built, and wait.
  bool all_are_here() const;
  void begin_switch() { state_ = State::kSwitching; }
  // failed: "" or why the instant could not be taken.
  void end_switch(const std::string& failed);

 private:
  void settle(State state, const std::string& why);

  State state_ = State::kGathering;
  std::string why_broken_;
  std::vector<Member*> members_;
};

}  // namespace dmjob::drivers

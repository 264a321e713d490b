// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/backup_group.h"

#include <algorithm>

namespace dmjob::drivers {

void BackupGroup::leave(Member& member, const std::string& why) {
  std::erase(members_, &member);
  if (state_ == State::kGathering && !members_.empty()) settle(State::kBroken, why);
}

bool BackupGroup::all_are_here() const { return std::ranges::all_of(members_, &Member::is_here); }

void BackupGroup::end_switch(const std::string& failed) {
  settle(failed.empty() ? State::kTaken : State::kBroken, failed);
}

void BackupGroup::settle(State state, const std::string& why) {
  state_ = state;
  why_broken_ = why;
  for (Member* member : members_) member->hear_of_the_group();
}

}  // namespace dmjob::drivers

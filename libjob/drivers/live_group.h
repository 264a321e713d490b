// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The live copies of one transaction, whose volumes switch in one suspended moment.
// Thread: the reactor. Owned by its members.
#pragma once

#include <vector>

namespace dmjob::drivers {

class LiveDriver;

class LiveGroup {
 public:
  LiveGroup() = default;
  LiveGroup(const LiveGroup&) = delete;
  LiveGroup& operator=(const LiveGroup&) = delete;

  void join(LiveDriver& driver) { members_.push_back(&driver); }
  void leave(const LiveDriver& driver) { std::erase(members_, &driver); }
  // Those whose copy has not ended.
  const std::vector<LiveDriver*>& members() const { return members_; }

 private:
  std::vector<LiveDriver*> members_;
};

}  // namespace dmjob::drivers

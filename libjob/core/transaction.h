// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Jobs that take effect together or not at all: QEMU's JobTxn, completion mode "grouped".
//
//   waiting    until all members are; then all are pending in one moment
//   finalize   one for all, and needed if one of them has auto_finalize off
//   prepare    of all, beside each other; all are prepared before one commits
//   a member that fails or is cancelled takes all others with it
//
// A job of its own is a group of one. What is above is done by the members (job_group.cc).
// Thread: the reactor. Owned by its members.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dmjob::core {

class Job;

class Transaction {
 public:
  // id: in the members' records, so that they find each other again; "": a group of one.
  explicit Transaction(std::string id = "") : id_(std::move(id)) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  const std::string& id() const { return id_; }
  void join(Job& job) { members_.push_back(&job); }
  void leave(const Job& job) { std::erase(members_, &job); }
  // Those that are not concluded, in the order in which they joined.
  const std::vector<Job*>& members() const { return members_; }

 private:
  const std::string id_;
  std::vector<Job*> members_;
};

}  // namespace dmjob::core

// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// Jobs that take effect together or not at all: QEMU's JobTxn, completion mode "grouped".
///
///     waiting    until all members are; then all are pending in one moment
///     finalize   one for all, and needed if one of them has auto_finalize off
///     prepare    of all, beside each other; all are prepared before one commits
///     a member that fails or is cancelled takes all others with it
///
/// A job of its own is a group of one.
/// Thread: the reactor. Owned by its members.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "libjob/core/export.h"

namespace dmjob::core {

struct JobState;

/// Who takes effect together.
class DMJOB_EXPORT Transaction {
 public:
  /// id: in the members' records, so that they find each other again; "": a group of one.
  explicit Transaction(std::string id = "") : id_(std::move(id)) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// "": a group of one.
  const std::string& id() const { return id_; }

 private:
  friend struct JobState;

  const std::string id_;
  std::vector<JobState*> members_;
};

}  // namespace dmjob::core

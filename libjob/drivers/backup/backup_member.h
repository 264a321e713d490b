// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A backup's part in the one instant of its transaction.
// Thread: the reactor; what blocks runs on the job's worker.
#pragma once

#include <memory>
#include <string>

#include "libjob/drivers/backup/backup_copy.h"
#include "libjob/drivers/backup/backup_group.h"
#include "libjob/drivers/base/job_context.h"
#include "libjob/drivers/base/transfer_report.h"

namespace dmjob::drivers {

class BackupMember {
 public:
  // All outlive this.
  BackupMember(JobContext& context, TransferReport& report, BackupCopy& copy,
               std::shared_ptr<BackupGroup> group);
  ~BackupMember();
  BackupMember(const BackupMember&) = delete;
  BackupMember& operator=(const BackupMember&) = delete;

  // With all built: waits for the others, and takes the instant with them. Returns early if the job
  // must return. Throws Error if the instant could not be taken, or another one has left.
  boost::asio::awaitable<void> meet(core::Job& job);
  // why: what the others fail for, if it leaves them before the instant: " was cancelled".
  void leave(const std::string& why);

  // --- for the group ---
  bool is_here() const { return job_ != nullptr; }
  void hear_of_the_group();

 private:
  boost::asio::awaitable<void> act_for_all();
  boost::asio::awaitable<std::string> take_instant(BackupGroup::Members all);

  JobContext& context_;
  TransferReport& report_;
  BackupCopy& copy_;
  const std::shared_ptr<BackupGroup> group_;
  core::Job* job_ = nullptr;  // from meet() on
};

}  // namespace dmjob::drivers

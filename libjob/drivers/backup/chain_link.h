// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A backup as a link of its volume's chain of incremental backups. The chain is the volume's, in
// the state file; a backup that begins one, and each that ends well, changes it. Of a backup that
// is no part of a chain nothing is done.
//
// Thread: the reactor; what blocks runs on the job's worker.
#pragma once

#include <optional>
#include <string>

#include "libjob/drivers/backup/backup_chain.h"
#include "libjob/drivers/backup/backup_copy.h"
#include "libjob/drivers/base/job_context.h"
#include "libjob/drivers/base/transfer_report.h"
#include "libjob/volumes/tracking.h"

namespace dmjob::drivers {

// What a BackupCopy has to know of the chain. begun: of a full backup that begins one.
TrackedPart tracked_part_of(Environment& environment, const CopyPlan& plan,
                            const BackupChain& chain,
                            const std::optional<volumes::Tracking>& begun);

class ChainLink {
 public:
  // All outlive this.
  ChainLink(JobContext& context, TransferReport& report, BackupCopy& copy, BackupChain chain,
            std::optional<volumes::Tracking> begun);

  const BackupChain& chain() const { return chain_; }
  // What is marked belongs to the instant of this backup, or it is no part of a chain.
  bool knows_marks() const;

  // --- in this order ---
  // Of a full backup. Before the tracker is made.
  boost::asio::awaitable<void> begin(core::Job& job);
  // With the target taken, before the first write to it.
  boost::asio::awaitable<void> forget_target_mark(core::Job& job);
  // With the instant taken. Throws Error, and the chain is broken, if somebody else has written to
  // the target.
  boost::asio::awaitable<void> begin_to_copy(core::Job& job);
  // With all copied.
  boost::asio::awaitable<void> link(core::Job& job);
  // After our last write to the target, whatever came of the backup.
  boost::asio::awaitable<void> note_target_mark(core::Job& job);

  // The target does not hold what was written to it.
  void note_difference();
  // The backup has ended without a whole copy.
  void note_failure();

 private:
  const volumes::Tracking* tracking() const;  // null: the chain is broken, or there is none
  void set_tracking(std::optional<volumes::Tracking> tracking);
  boost::asio::awaitable<void> find_untracked_changes(core::Job& job);
  void begin_to_write();
  boost::asio::awaitable<void> note_sample(core::Job& job);
  std::string what_is_not_proven() const;
  void break_it(const std::string& why);

  JobContext& context_;
  TransferReport& report_;
  BackupCopy& copy_;
  BackupChain chain_;
  const std::optional<volumes::Tracking> begun_;
};

}  // namespace dmjob::drivers

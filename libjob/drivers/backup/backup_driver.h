// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The backup of a volume in use, as it was at one instant. The coroutine decides, BackupCopy does
// each step on the worker:
//
//   build -> meet the others of the transaction, the instant -> copy -> withdraw
//
// It has no ready phase, and needs nothing of the volume once all is copied: run() ends with the
// withdrawal, so that a job that waits to be finalized costs nothing. A pause or an error before
// the instant does not put it off. Beside it, from the instant on, runs a SnapshotWatch.
//
// Thread: the reactor; steps on the worker, the watch's polls on its own.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "libjob/drivers/backup/backup_check.h"
#include "libjob/drivers/backup/backup_copy.h"
#include "libjob/drivers/backup/backup_group.h"
#include "libjob/drivers/backup/backup_member.h"
#include "libjob/drivers/backup/chain_link.h"
#include "libjob/drivers/backup/snapshot_watch.h"
#include "libjob/drivers/base/transfer_driver.h"

namespace dmjob::drivers {

class BackupDriver : public TransferDriver {
 public:
  BackupDriver(Environment& environment, CheckedBackup checked, std::string job_id,
               std::shared_ptr<BackupGroup> group);
  // Of a job that an earlier process had begun.
  BackupDriver(Environment& environment, const nlohmann::json& record, std::string job_id);

  std::string_view type() const override { return "backup"; }
  boost::asio::awaitable<void> run(core::Job& job) override;
  boost::asio::awaitable<void> prepare(core::Job& job) override;
  boost::asio::awaitable<void> commit(core::Job& job) override;
  boost::asio::awaitable<void> abort(core::Job& job) override;
  boost::asio::awaitable<void> clean(core::Job& job) override;
  nlohmann::json describe() const override;
  nlohmann::json record() const override;
  std::optional<std::uint64_t> record_version() const override;

 protected:
  boost::asio::awaitable<void> rest(core::Job& job) override;
  void confirm_source() override { copy_->require_instant(); }
  void require_target() override { copy_->require_target_file(); }
  void confirm_difference() override { copy_->require_instant(); }
  bool fails_for(const io::Differences& differences) override;
  TargetNote note_of_target() const override;

 private:
  BackupDriver(Environment& environment, CheckedBackup checked, std::string job_id, bool resumed,
               std::shared_ptr<BackupGroup> group);

  boost::asio::awaitable<void> open(core::Job& job);
  boost::asio::awaitable<void> take_up(core::Job& job);
  boost::asio::awaitable<void> build(core::Job& job);
  boost::asio::awaitable<void> copy(core::Job& job);
  boost::asio::awaitable<void> fail(std::exception_ptr error);
  boost::asio::awaitable<void> finish(core::Job& job);
  boost::asio::awaitable<bool> is_target_ours(core::Job& job);
  boost::asio::awaitable<void> open_target(core::Job& job);
  boost::asio::awaitable<void> withdraw(core::Job& job);

  const store::CowPlace cow_;
  std::unique_ptr<BackupCopy> copy_;
  ChainLink link_;
  SnapshotWatch watch_;
  BackupMember member_;
  bool copied_ = false;       // all is on the target; what is left is to take away the stack
  std::string target_fault_;  // for describe()
};

}  // namespace dmjob::drivers

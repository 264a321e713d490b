// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The backup of a volume in use, as it was at one instant. The coroutine decides, BackupCopy does
// each step on the worker:
//
//   build -> meet the others of the transaction, the instant -> copy -> withdraw
//
// It has no ready phase, and needs nothing of the volume once all is copied: run() ends with the
// withdrawal, so that a job that waits to be finalized costs nothing. A pause or an error before
// the instant does not put it off.
//
// Beside it, from the instant on and in a pause too, runs a watch: it looks at the snapshot several
// times a second, has the scratch grow ahead of its use, and ends the job if the instant is lost.
//
// Thread: the reactor; steps on the worker, the watch's looks on its own.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>

#include "libjob/drivers/backup/backup_check.h"
#include "libjob/drivers/backup/backup_copy.h"
#include "libjob/drivers/backup/backup_group.h"
#include "libjob/drivers/base/transfer_driver.h"

namespace dmjob::drivers {

class BackupDriver : public TransferDriver, public BackupGroup::Member {
 public:
  BackupDriver(Environment& environment, CheckedBackup checked, std::string job_id,
               std::shared_ptr<BackupGroup> group);
  // Of a job that an earlier process had begun.
  BackupDriver(Environment& environment, const nlohmann::json& record, std::string job_id);
  ~BackupDriver() override;

  std::string_view type() const override { return "backup"; }
  boost::asio::awaitable<void> run(core::Job& job) override;
  boost::asio::awaitable<void> prepare(core::Job& job) override;
  boost::asio::awaitable<void> commit(core::Job& job) override;
  boost::asio::awaitable<void> abort(core::Job& job) override;
  boost::asio::awaitable<void> clean(core::Job& job) override;
  bool can_complete() const override { return false; }
  nlohmann::json describe() const override;
  nlohmann::json record() const override;
  std::optional<std::uint64_t> record_version() const override;

  // --- for BackupGroup ---
  bool is_here() const override { return is_here_; }
  void hear_of_the_group() override;

 protected:
  boost::asio::awaitable<void> rest(core::Job& job) override;
  void confirm_source() override;
  void require_target() override { copy_->require_target_file(); }
  void confirm_difference() override { confirm_source(); }
  bool fails_for(const io::Differences& differences) override;

 private:
  BackupDriver(Environment& environment, CheckedBackup checked, std::string job_id, bool resumed,
               std::shared_ptr<BackupGroup> group);

  // --- the phases ---
  boost::asio::awaitable<void> open(core::Job& job);
  boost::asio::awaitable<void> take_up(core::Job& job);
  boost::asio::awaitable<void> build(core::Job& job);
  boost::asio::awaitable<void> copy(core::Job& job);
  boost::asio::awaitable<void> fail(std::exception_ptr error);
  boost::asio::awaitable<void> finish(core::Job& job);
  boost::asio::awaitable<bool> is_target_ours(core::Job& job);
  TargetNote note_of_target() const override {
    return {copy_->target_account(), copy_->copied_anew()};
  }
  boost::asio::awaitable<void> open_target(core::Job& job);
  boost::asio::awaitable<void> withdraw(core::Job& job);

  // --- backup_meeting.cc: a text is "" or why it could not be done ---
  using Drivers = std::vector<BackupDriver*>;
  boost::asio::awaitable<void> meet(core::Job& job);
  boost::asio::awaitable<void> act_for_all();
  boost::asio::awaitable<std::string> take_instant(Drivers all);

  // --- backup_link.cc: its part in a chain of incremental backups ---
  TrackedPart tracked_part() const;
  const volumes::Tracking* tracking() const;  // null: the chain is broken, or there is none
  boost::asio::awaitable<void> begin_chain(core::Job& job);
  boost::asio::awaitable<void> begin_to_copy(core::Job& job);
  boost::asio::awaitable<void> look_for_untracked_changes(core::Job& job);
  boost::asio::awaitable<void> forget_target_mark(core::Job& job);
  void begin_to_write();
  boost::asio::awaitable<void> link(core::Job& job);
  boost::asio::awaitable<void> note_sample(core::Job& job);
  boost::asio::awaitable<void> note_target_mark(core::Job& job);
  std::string what_is_not_proven() const;
  void break_chain(const std::string& why);

  // --- backup_watch.cc ---
  void start_watch(core::Job& job);
  boost::asio::awaitable<void> stop_watch();
  boost::asio::awaitable<void> watch(core::Job& job);

  const store::CowPlace cow_;
  const std::optional<volumes::Tracking> tracking_;  // of a full backup that begins a chain
  BackupChain chain_;
  std::unique_ptr<BackupCopy> copy_;
  bool copied_ = false;         // all is on the target; what is left is to take away the stack
  std::string target_trouble_;  // for describe()

  const std::shared_ptr<BackupGroup> group_;
  core::Job* job_ = nullptr;  // in meet()
  bool is_here_ = false;      // built, in meet()

  BackupCopy::Room room_;  // at the last look
  bool watching_ = false;
  bool watch_done_ = true;
  core::Signal watch_ended_;
  core::Worker looker_;
};

}  // namespace dmjob::drivers

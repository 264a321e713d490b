// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/backup_driver.h"

#include <utility>

#include "libjob/core/error.h"

namespace dmjob::drivers {
namespace {

std::unique_ptr<BackupCopy> make_copy(JobContext& context, const store::CowPlace& cow,
                                      const CheckedChain& checked) {
  Environment& environment = context.environment;
  if (!environment.control) throw core::Error("this kernel has no device-mapper");
  return std::make_unique<BackupCopy>(
      environment, context.control, context.job_id, context.plan, cow, context.error_map,
      tracked_part_of(environment, context.plan, checked.chain, checked.tracking));
}

}  // namespace

BackupDriver::BackupDriver(Environment& environment, CheckedBackup checked, std::string job_id,
                           std::shared_ptr<BackupGroup> group)
    : BackupDriver(environment, std::move(checked), std::move(job_id), false, std::move(group)) {}

BackupDriver::BackupDriver(Environment& environment, const nlohmann::json& record,
                           std::string job_id)
    : BackupDriver(environment,
                   {.plan = CopyPlan::restore(record),
                    .cow = store::CowPlace::restore(record.at("cow")),
                    .chain = {BackupChain::restore(record.at("chain")), std::nullopt},
                    .footprint = {}},
                   std::move(job_id), true, std::make_shared<BackupGroup>()) {
  record.at("copied").get_to(copied_);
}

BackupDriver::BackupDriver(Environment& environment, CheckedBackup checked, std::string job_id,
                           bool resumed, std::shared_ptr<BackupGroup> group)
    : TransferDriver(environment, std::move(checked.plan), std::move(job_id), resumed),
      cow_(checked.cow.value()),
      copy_(make_copy(context_, cow_, checked.chain)),
      link_(context_, report_, *copy_, checked.chain.chain, checked.chain.tracking),
      watch_(context_, transfer_, *copy_,
             [this](core::Job& job, const std::string& volume) { note_name(job, volume); }),
      member_(context_, report_, *copy_, std::move(group)) {}

// --- run ---

boost::asio::awaitable<void> BackupDriver::run(core::Job& job) {
  if (!copied_) co_await copy(job);
  if (copied_) co_await finish(job);
}

boost::asio::awaitable<void> BackupDriver::copy(core::Job& job) {
  co_await open(job);
  if (job.must_return()) co_return;
  watch_.start(job);
  co_await link_.begin_to_copy(job);
  co_await rest(job);  // taken up, it may be paused
  if (job.must_return()) co_return;
  std::exception_ptr failed;
  try {
    bool ours = false;
    while (!ours && !job.must_return()) {
      co_await transfer_.copy_and_verify(job, copy_->bulk());
      ours = co_await is_target_ours(job);
    }
  } catch (const std::exception&) {
    failed = std::current_exception();
  }
  if (failed) co_await fail(failed);
  copied_ = !job.must_return();
}

// If not, all of it is dirty.
boost::asio::awaitable<bool> BackupDriver::is_target_ours(core::Job& job) {
  if (job.must_return()) co_return false;
  auto look = [this] { return copy_->is_target_ours(); };
  const bool ours = co_await context_.step("end", std::move(look));
  if (!ours) co_await note_account(job);
  co_return ours;
}

// What has failed may be the scratch, in more than one way; that the instant is lost tells most.
boost::asio::awaitable<void> BackupDriver::fail(std::exception_ptr error) {
  co_await watch_.require_instant();
  std::rethrow_exception(error);
}

boost::asio::awaitable<void> BackupDriver::open(core::Job& job) {
  if (context_.resumed) {
    co_await take_up(job);
    co_return;
  }
  std::string failed;
  try {
    co_await build(job);
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) {
    member_.leave(" failed: " + failed);
    throw core::Error(failed);
  }
  co_await member_.meet(job);
}

boost::asio::awaitable<void> BackupDriver::build(core::Job& job) {
  auto hold = co_await context_.environment.locks.acquire(
      context_.plan.volume, "start of job '" + context_.job_id + "'", kSlotPatience);
  co_await link_.begin(job);
  auto take = [this] { copy_->take_target(); };
  co_await context_.worker.run(std::move(take));
  co_await link_.forget_target_mark(job);
  auto build = [this] {
    copy_->build();
    return copy_->target_file();
  };
  context_.plan.target_file = co_await context_.worker.run(std::move(build));
  context_.plan.target_account = copy_->target_account();
  co_await job.host().persist();
  report_.show_left(job, copy_->bulk().dirty().dirty_bytes());
}

boost::asio::awaitable<void> BackupDriver::take_up(core::Job& job) {
  auto adopt = [this] { return copy_->adopt(); };
  const bool adopted = co_await context_.step("take-up", std::move(adopt));
  if (!adopted || !link_.knows_marks())
    throw core::Error(
        "the instant of volume '" + context_.plan.volume +
        "' is gone: the host was rebooted, dmjobd ended before it was taken, or somebody else "
        "(LVM perhaps) replaced the volume's table; start the backup again");
  target_fault_ = copy_->target_fault();
  co_await note_account(job);
  const std::uint64_t left = copy_->bulk().dirty().dirty_bytes();
  report_.show_copied(job, left);
  report_.show_left(job, left);
}

boost::asio::awaitable<void> BackupDriver::finish(core::Job& job) {
  co_await watch_.stop();
  co_await link_.link(job);
  // That it is copied: a next start must not look for the stack that goes now. If it cannot be
  // written, the backup is no worse for it; a daemon that is killed right then says that it failed.
  co_await try_persist(job);
  auto note = [this] {
    if (copy_->is_open()) copy_->bulk().note_success();
  };
  co_await context_.worker.run(std::move(note));
  co_await withdraw(job);
  report_.show_left(job, 0);
}

// --- interruptions ---

// A pause that an error has asked for lets a dead target go; one that the user has asked for keeps
// it.
boost::asio::awaitable<void> BackupDriver::rest(core::Job& job) {
  if (job.pause_requested() && job.io_status() != core::IoStatus::kOk) {
    auto release = [this] { copy_->release_dead_target(); };
    co_await context_.worker.run(std::move(release));
    co_await note_account(job);
  }
  co_await job.pause_point();
  while (!job.must_return() && watch_.room().lost.empty() && !copy_->has_target()) {
    co_await open_target(job);
    co_await job.pause_point();
  }
  if (!watch_.room().lost.empty()) throw core::Error(watch_.room().lost);
  report_.set_phase("copying");
}

boost::asio::awaitable<void> BackupDriver::open_target(core::Job& job) {
  report_.set_phase("waiting for the target");
  auto open = [this] { return copy_->reopen_target(); };
  const auto error = co_await context_.step("open the target", std::move(open));
  target_fault_ = copy_->target_fault();
  co_await note_account(job);
  if (error) co_await transfer_.handle_error_and_wait(job, *error);
}

bool BackupDriver::fails_for(const io::Differences&) {
  link_.note_difference();
  return true;
}

TransferDriver::TargetNote BackupDriver::note_of_target() const {
  return {copy_->target_account(), copy_->copied_anew()};
}

// --- the end ---

// A disk was let go when it was done.
boost::asio::awaitable<void> BackupDriver::prepare(core::Job&) {
  auto look = [this] { require_target(); };
  co_await context_.worker.run(std::move(look));
}

boost::asio::awaitable<void> BackupDriver::commit(core::Job& job) {
  if (!report_.left_behind().empty()) co_await withdraw(job);
  report_.set_phase("done; the target is the volume at the instant of the start");
}

boost::asio::awaitable<void> BackupDriver::abort(core::Job& job) {
  member_.leave(" was cancelled");
  co_await watch_.stop();
  co_await withdraw(job);
  if (!copied_) link_.note_failure();
  report_.set_phase(copied_ ? "given up with its transaction; the target is complete"
                            : "given up; the target is incomplete");
}

boost::asio::awaitable<void> BackupDriver::withdraw(core::Job& job) {
  std::function<void()> withdraw = [this] { copy_->withdraw(); };
  co_await take_away("withdrawal", std::move(withdraw));
  co_await link_.note_target_mark(job);
}

boost::asio::awaitable<void> BackupDriver::clean(core::Job& job) {
  co_await watch_.stop();
  const bool keep = job.exiting() && !copied_;
  auto close = [this, keep] {
    if (keep && copy_->is_open()) copy_->bulk().checkpoint();
    copy_.reset();
    context_.finish_map();
  };
  co_await context_.worker.run(std::move(close));
}

// --- queries ---

nlohmann::json BackupDriver::describe() const {
  nlohmann::json about = TransferDriver::describe();
  const BackupChain& chain = link_.chain();
  about["managed"] = context_.plan.managed;
  about["incremental"] = chain.role == BackupChain::Role::kIncremental;
  // No word of what a reboot does to a copy.
  if (context_.plan.scratch.kind == ScratchPlace::Kind::kMemory)
    about["scratch"] = context_.plan.scratch.path;
  const BackupCopy::Room& room = watch_.room();
  if (room.size > 0) {
    about["scratch-used"] = room.used;
    about["scratch-size"] = room.size;
    about["scratch-full"] = !room.can_grow;
  }
  if (!target_fault_.empty()) about["waiting-for"] = "the target: " + target_fault_;
  if (!chain.not_proven.empty()) about["not-proven"] = chain.not_proven;
  return about;
}

nlohmann::json BackupDriver::record() const {
  nlohmann::json record = TransferDriver::record();
  record["cow"] = cow_.record();
  record["chain"] = link_.chain().record();
  record["copied"] = copied_;
  return record;
}

std::optional<std::uint64_t> BackupDriver::record_version() const {
  return TransferDriver::record_version().value() * 4 + (link_.chain().checkpoint != 0 ? 2 : 0) +
         (copied_ ? 1 : 0);
}

}  // namespace dmjob::drivers

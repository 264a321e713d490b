// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy/offline_driver.h"

#include "libjob/core/error.h"
#include "libjob/drivers/plan/scratch_io.h"
#include "libjob/drivers/transfer/same_disk.h"
#include "libjob/drivers/transfer/target_disk.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

using core::Error;

// --- on the worker ---

// After a restart a path may lead to something else, which nobody has allowed to overwrite.
void OfflineDriver::require_same_disks() const {
  const std::string source = "source " + context_.plan.source;
  const std::string target = "target " + context_.plan.target;
  require_same_disk(source, context_.plan.source_disk, context_.plan.source);
  require_same_disk(target, context_.plan.target_disk, context_.plan.target);
  if (io::probe(context_.plan.source).size != context_.plan.size)
    throw Error(source + " has another size than when the copy began: start it again");
  const bool is_there = !file_inode(context_.plan.target).empty();
  if (!context_.plan.target_file.empty() && is_there &&
      !is_same_file(context_.plan.target_file, context_.plan.target))
    throw Error(target + " is another file than the one the copy began with: start it again");
}

void OfflineDriver::require_untouched_source() {
  if (!was_written_to(context_.plan.source, context_.plan.fingerprint)) return;
  bulk_->note_stale();
  throw Error("source " + context_.plan.source +
              " was written to during the copy: the target is no copy of any instant");
}

void OfflineDriver::lock_source() {
  scratch_lock_.reset();
  source_lock_.reset();
  source_lock_.emplace(context_.plan.source, io::DeviceLock::Mode::kExclusive);
  scratch_lock_ = lock_scratch(context_.plan);
}

void OfflineDriver::make_target() {
  if (target_) return;
  target_.emplace(context_.plan, holder_of(context_.environment, context_.job_id, context_.plan),
                  own_writes_of(context_.environment, context_.plan));
}

void OfflineDriver::open_scratch(bool create) {
  scratch_device_ =
      open_device_of(context_.plan, target_->place_of_scratch(), ScratchUse::kDirect, create);
  if (context_.plan.scratch.kind == ScratchPlace::Kind::kTail)
    scratch_device_.device = target_->count(std::move(scratch_device_.device));
}

void OfflineDriver::open_afresh() {
  if (context_.plan.new_file) target_->make_file();
  lock_source();
  target_->begin();
  open_scratch(true);
  scratch_.emplace(format_scratch(context_.plan, scratch_device_));
}

// False if there is nothing to go on from.
bool OfflineDriver::open_checkpoint(const std::string& fingerprint) {
  if (!context_.resumed || fingerprint != context_.plan.fingerprint) return false;
  if (context_.plan.new_file && !is_same_file(context_.plan.target_file, context_.plan.target))
    return false;
  try {
    lock_source();
    anew_ = !target_->take_again();
    if (anew_) return false;
    open_scratch(false);
    scratch_.emplace(reopen_scratch(context_.plan, scratch_device_));
    return true;
  } catch (const std::exception&) {
    close();
    return false;
  }
}

void OfflineDriver::open(const std::string& fingerprint) {
  if (context_.resumed) require_same_disks();
  make_target();
  const bool goes_on = open_checkpoint(fingerprint);
  if (!goes_on) open_afresh();
  bulk_ = std::make_unique<BulkCopy>(io::open_device(context_.plan.source, io::Access::kRead),
                                     target_->open(), *scratch_, context_.control,
                                     context_.environment.clock, context_.plan, context_.error_map);
  if (goes_on) bulk_->load_checkpoint();
  made_file_ = target_->file();
}

void OfflineDriver::close() {
  bulk_.reset();
  scratch_.reset();
  scratch_device_ = {};
  source_lock_.reset();
  scratch_lock_.reset();
}

// A scratch that has failed cannot be wiped; the target is to be given back all the same.
void OfflineDriver::drop_scratch() {
  try {
    if (scratch_) scratch_->wipe();
  } catch (const std::system_error&) {
  }
  remove_scratch(context_.plan.scratch);
}

void OfflineDriver::require_target() {
  if (target_) target_->require_file_at_path();
}

// --- on the reactor ---

boost::asio::awaitable<void> OfflineDriver::run(core::Job& job) {
  co_await begin(job);
  if (job.must_return()) co_return;
  bool ours = false;
  while (!ours) {
    co_await transfer_.copy_and_verify(job, *bulk_);
    if (job.must_return()) co_return;
    ours = co_await is_target_ours(job);
  }
  // Pending, it may wait for long: without the loop's buffers, which are locked memory.
  auto check = [this] {
    require_untouched_source();
    bulk_.reset();
  };
  co_await context_.worker.run(std::move(check));
  report_.show_left(job, 0);
}

boost::asio::awaitable<void> OfflineDriver::begin(core::Job& job) {
  co_await wait_for_late_disks(job);
  if (job.must_return()) co_return;
  auto look = [this] { return fingerprint_of(context_.plan.source); };
  const std::string fingerprint = co_await context_.worker.run(std::move(look));
  auto start = [&] { open(fingerprint); };
  co_await context_.worker.run(std::move(start));
  context_.plan.fingerprint = fingerprint;
  context_.plan.target_file = made_file_;
  context_.plan.target_account = target_->account();
  if (anew_) report_.show_copied_anew(kCopiedAnew);
  co_await job.host().persist();
  const std::uint64_t left = bulk_->dirty().dirty_bytes();
  report_.show_copied(job, left);
  report_.show_left(job, left);
}

TransferDriver::TargetNote OfflineDriver::note_of_target() const {
  return {target_->account(), anew_ ? kCopiedAnew : ""};
}

// If not, all of it is dirty.
boost::asio::awaitable<bool> OfflineDriver::is_target_ours(core::Job& job) {
  auto look = [this] {
    const bool ours = is_ours(*target_, *bulk_);
    anew_ = anew_ || !ours;
    return ours;
  };
  const bool ours = co_await context_.worker.run(std::move(look));
  if (!ours) co_await note_account(job);
  co_return ours;
}

// run() has returned only after the target's last flush.
// Since then somebody may have taken it away.
boost::asio::awaitable<void> OfflineDriver::prepare(core::Job&) {
  auto look = [this] {
    make_target();
    target_->require_at_path();
  };
  co_await context_.worker.run(std::move(look));
}

boost::asio::awaitable<void> OfflineDriver::commit(core::Job&) {
  report_.set_phase("done");
  co_return;
}

boost::asio::awaitable<void> OfflineDriver::abort(core::Job&) {
  report_.set_phase("given up; the target is incomplete");
  co_return;
}

boost::asio::awaitable<void> OfflineDriver::clean(core::Job& job) {
  const bool ends = !job.exiting();
  auto drop = [&] {
    make_target();
    if (ends) drop_scratch();
    close();
    context_.finish_map();
  };
  co_await context_.worker.run(std::move(drop));
  std::function<void()> give_back = [this] { target_->give_back(); };
  if (ends) co_await take_away("end", std::move(give_back));
  auto forget = [this] { target_.reset(); };
  co_await context_.worker.run(std::move(forget));
}

}  // namespace dmjob::drivers

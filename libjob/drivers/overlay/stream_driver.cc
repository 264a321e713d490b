// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/overlay/stream_driver.h"

#include <utility>

#include "libjob/core/error.h"

namespace dmjob::drivers {

using boost::asio::awaitable;

StreamDriver::StreamDriver(Environment& environment, StreamPlan plan, const std::string& job_id,
                           bool resumed)
    : TransferDriver(environment, std::move(plan.copy), job_id, resumed),
      volume_(std::move(plan.volume)),
      lock_target_(plan.lock_target),
      read_only_(plan.read_only),
      merge_begun_(plan.merge_begun),
      merge_(environment, context_.worker, volume_, job_id, context_.plan.on_target_error) {
  if (!environment.control) throw core::Error("this kernel has no device-mapper");
}

nlohmann::json StreamDriver::record() const {
  nlohmann::json record = context_.plan.record();
  record["stream-of"] = volume_;
  record["lock-target"] = lock_target_;
  record["read-only"] = read_only_;
  record["merge-begun"] = merge_begun_;
  return record;
}

StreamPlan StreamDriver::restore_plan(const nlohmann::json& record) {
  return {.copy = CopyPlan::restore(record),
          .volume = record.at("stream-of"),
          .lock_target = record.at("lock-target"),
          .read_only = record.value("read-only", true),  // older records have none
          .merge_begun = record.value("merge-begun", true)};
}

bool StreamDriver::has_copied() const {
  const volumes::ManagedVolume* volume = context_.environment.volumes.find(volume_);
  return volume && volume->device == context_.plan.target;
}

TransferDriver::TargetNote StreamDriver::note_of_target() const {
  return {target_->account(), anew_ ? kCopiedAnew : ""};
}

// The worker is idle; no disk is touched.
void StreamDriver::make_target() {
  if (target_) return;
  dm::Control& control = *context_.environment.control;
  const volumes::ManagedVolume* volume = merge_.volume();
  if (lock_target_ || !volume) {
    target_.emplace(context_.plan, holder_of(context_.environment, context_.job_id, context_.plan),
                    "");
    return;
  }
  auto held = std::make_unique<dm::HeldDisk>(
      dm::OverlayStack::holder_of_cow(control, context_.environment.ledger, volume_, volume->uuid));
  target_.emplace(context_.plan, std::move(held), "", TargetDisk::Holder::kVolume);
}

Successor StreamDriver::successor() {
  return {context_.plan.target, context_.plan.target_disk, [this] { prove_target(); }};
}

awaitable<void> StreamDriver::run(core::Job& job) {
  if (has_nothing()) co_return;
  co_await take_back_decision(job);
  if (!has_copied()) {
    co_await copy(job);
    if (job.must_return()) co_return;
  }
  merging_ = true;
  co_await merge_.run(job, successor());
}

awaitable<void> StreamDriver::take_back_decision(core::Job& job) {
  if (!context_.resumed || !has_copied() || !merge_.volume()) co_return;
  make_target();
  auto look = [this, volume = *merge_.volume()] { return is_on_origin(volume); };
  const bool on_origin = co_await context_.worker.run(std::move(look));
  if (!on_origin) co_return;
  volumes::ManagedVolume before = *merge_.volume();
  before.device = context_.plan.source;
  before.disk = context_.plan.source_disk;
  before.overlay->origin_disk = context_.plan.source_disk;
  before.overlay->stage = volumes::Overlay::Stage::kHolding;
  before.overlay->read_only = read_only_;
  before.overlay->merge_begun = merge_begun_;
  co_await merge_.take_back(job, std::move(before));
}

awaitable<void> StreamDriver::copy(core::Job& job) {
  co_await open(job);
  if (job.must_return()) co_return;
  bool ours = false;
  while (!ours) {
    co_await transfer_.copy_all(job, *bulk_);
    if (job.must_return()) co_return;
    require_whole();
    if (job.pause_requested()) co_await job.pause_point();
    if (job.must_return()) co_return;
    ours = co_await is_target_ours(job);
  }
  auto close = [this] {
    close_copy(false);
    scratch_lock_.reset();
  };
  co_await context_.worker.run(std::move(close));
}

// If not, all of it is dirty.
awaitable<bool> StreamDriver::is_target_ours(core::Job& job) {
  auto look = [this] {
    const bool ours = is_ours(*target_, *bulk_);
    anew_ = anew_ || !ours;
    return ours;
  };
  const bool ours = co_await context_.worker.run(std::move(look));
  co_await note_account(job);
  co_return ours;
}

// As QEMU's stream. The volume would take zeroes for what its backing disk may give back one day.
void StreamDriver::require_whole() const {
  if (bulk_->bad_blocks().extents().empty()) return;
  throw core::Error(context_.plan.source + " could not be read in every place: volume '" + volume_ +
                    "' stands on it as before; mend that disk, then stream again");
}

awaitable<void> StreamDriver::open(core::Job& job) {
  co_await wait_for_late_disks(job);
  if (job.must_return()) co_return;
  make_target();
  auto open = [this] { return open_copy(); };
  context_.plan.target_disk = co_await context_.worker.run(std::move(open));
  co_await note_account(job);
  const std::uint64_t left = bulk_->dirty().dirty_bytes();
  report_.show_copied(job, left);
  report_.show_left(job, left);
}

// A new daemon comes here without run(): after a boot something may be left to merge.
awaitable<void> StreamDriver::prepare(core::Job& job) {
  if (has_nothing() || !merge_.volume()) co_return;
  merging_ = true;
  co_await merge_.run_to_end(job, successor());
}

awaitable<void> StreamDriver::commit(core::Job& job) {
  if (!has_nothing()) co_await merge_.finish(job);
}

awaitable<void> StreamDriver::abort(core::Job& job) {
  if (has_nothing()) co_return;
  co_await take_back_decision(job);
  if (has_copied() && merge_.volume()) co_await merge_.keep(job);
}

awaitable<void> StreamDriver::clean(core::Job& job) {
  if (has_nothing()) co_return;
  make_target();
  auto close_all = [this, ends = !job.exiting()] {
    close(ends);
    context_.finish_map();
  };
  co_await context_.worker.run(std::move(close_all));
}

nlohmann::json StreamDriver::describe() const {
  nlohmann::json about = TransferDriver::describe();
  about["volume"] = volume_;
  if (merging_) {
    about["phase"] = merge_.phase();
    about["dirty"] = 0;
  }
  return about;
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/stream_driver.h"

#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "dm/name.h"
#include "dm/step.h"
#include "dm/targets.h"
#include "libjob/core/error.h"
#include "libjob/drivers/plan_scratch.h"
#include "libjob/drivers/same_disk.h"
#include "libjob/io/disk_identity.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

using boost::asio::awaitable;

namespace {

constexpr const char* kTarget = "target";  // the inner device that has it

}  // namespace

StreamDriver::StreamDriver(Environment& environment, StreamPlan plan, const std::string& job_id,
                           bool resumed)
    : CopyDriver(environment, std::move(plan.copy), job_id, resumed),
      volume_(std::move(plan.volume)),
      lock_target_(plan.lock_target),
      merge_(environment, worker_, volume_, job_id, plan_.on_target_error) {
  if (!environment.control) throw core::Error("this kernel has no device-mapper");
}

nlohmann::json StreamDriver::record() const {
  nlohmann::json record = plan_.record();
  record["stream-of"] = volume_;
  record["lock-target"] = lock_target_;
  return record;
}

StreamPlan StreamDriver::restore_plan(const nlohmann::json& record) {
  return {CopyPlan::restore(record), record.at("stream-of"), record.at("lock-target")};
}

bool StreamDriver::has_copied() const {
  const volumes::ManagedVolume* volume = environment_.volumes.find(volume_);
  return volume && volume->device == plan_.target;
}

// --- on the worker ---

void StreamDriver::require_same_disks() const {
  for (const auto& [path, before] :
       {std::pair(plan_.source, plan_.source_disk), std::pair(plan_.target, plan_.target_disk)})
    if (io::is_another_disk(before, path))
      throw core::Error("another disk is in the place of " + path + ": start the stream again");
}

// A disk that tells no name is known after a boot by what is on it, or not at all.
io::DiskIdentity StreamDriver::identify_target(bool goes_on) const {
  if (goes_on && plan_.scratch.kind == store::ScratchPlace::Kind::kTail)
    return io::identify_disk(plan_.target);
  return require_same_disk("target " + plan_.target, plan_.target_disk, plan_.target);
}

// False if there is nothing to go on from.
bool StreamDriver::open_checkpoint() {
  if (!resumed_) return false;
  try {
    scratch_device_ = open_device_of(plan_, ScratchUse::kDirect, false);
    scratch_.emplace(reopen_scratch(plan_, scratch_device_));
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

io::DiskIdentity StreamDriver::open_copy() {
  require_same_disks();
  let_go_of_target();  // of an earlier daemon
  if (lock_target_) lock_.emplace(plan_.target, io::DeviceLock::Mode::kExclusive);
  scratch_lock_ = lock_scratch(plan_);
  const bool goes_on = open_checkpoint();
  const io::DiskIdentity target = identify_target(goes_on);
  if (!goes_on) {
    scratch_device_ = open_device_of(plan_, ScratchUse::kDirect, true);
    scratch_.emplace(format_scratch(plan_, scratch_device_));
  }
  bulk_ = std::make_unique<BulkCopy>(io::open_device(plan_.source, io::Access::kRead),
                                     io::open_device(plan_.target, io::Access::kReadWrite),
                                     *scratch_, control_, environment_.clock, plan_, error_map_);
  if (goes_on) bulk_->load_checkpoint();
  return target;
}

void StreamDriver::close_copy(bool ends) {
  bulk_.reset();
  if (ends && scratch_) scratch_->wipe();
  scratch_.reset();
  scratch_device_ = {};
}

void StreamDriver::close(bool ends) {
  close_copy(ends);
  lock_.reset();
  scratch_lock_.reset();
  if (!ends) return;
  remove_scratch(plan_.scratch);
  let_go_of_target();
}

// Our claim and dm's exclude each other, so for a moment nobody has the target. What happened in it
// is looked for once dm has it, by a device that nobody uses, and before the volume does.
void StreamDriver::hand_over() {
  close_copy(false);
  scratch_lock_.reset();
  if (!lock_target_) return;
  const std::string before = look_at(plan_.target);
  lock_.reset();
  const io::ProbeResult disk = io::probe(plan_.target);
  environment_.control->create({.name = dm::inner_name(job_id_, kTarget),
                                .uuid = dm::inner_uuid(plan_.uuid, kTarget),
                                .table = dm::linear_table(plan_.size / 512, disk.dev),
                                .visibility = dm::Visibility::kHidden,
                                .read_only = true});
  require_same_disk("target " + plan_.target, plan_.target_disk, plan_.target);
  if (was_written_to(plan_.target, before))
    throw core::Error("target " + plan_.target +
                      " was written to by somebody else just before the volume was to live on it: "
                      "stream again");
}

// Somebody may have it open for a moment (a probe, a scan): a few more tries.
void StreamDriver::let_go_of_target() {
  constexpr int kTries = 10;
  constexpr auto kWait = std::chrono::milliseconds(100);
  for (int i = 1;; ++i) {
    try {
      dm::remove_if_ours(*environment_.control, dm::inner_name(job_id_, kTarget),
                         dm::inner_uuid(plan_.uuid, kTarget));
      return;
    } catch (const std::system_error& error) {
      if (i == kTries || error.code() != std::errc::device_or_resource_busy) throw;
    }
    std::this_thread::sleep_for(kWait);
  }
}

// --- on the reactor ---

awaitable<void> StreamDriver::run(core::Job& job) {
  if (has_nothing()) co_return;
  if (!has_copied()) {
    co_await open(job);
    if (job.must_return()) co_return;
    co_await copy_all(job, *bulk_);
    if (job.must_return()) co_return;
    require_whole();
    if (job.pause_requested()) co_await job.pause_point();  // while nobody else can take the target
    if (job.must_return()) co_return;
    auto pass_on = [this] { hand_over(); };
    co_await worker_.run(std::move(pass_on));
  }
  merging_ = true;
  co_await merge_.run(job, successor());
}

// As QEMU's stream. The volume would take zeroes for what its backing disk may give back one day.
void StreamDriver::require_whole() const {
  if (bulk_->given_up().extents().empty()) return;
  throw core::Error(plan_.source + " could not be read in every place: volume '" + volume_ +
                    "' stands on it as before; mend that disk, then stream again");
}

awaitable<void> StreamDriver::open(core::Job& job) {
  co_await wait_for_late_disks(job);
  if (job.must_return()) co_return;
  auto open = [this] { return open_copy(); };
  plan_.target_disk = co_await worker_.run(std::move(open));
  const std::uint64_t left = bulk_->dirty().dirty_bytes();
  show_copied(job, left);
  show_left(job, left);
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
  if (!has_nothing() && has_copied() && merge_.volume()) co_await merge_.keep(job);
}

awaitable<void> StreamDriver::clean(core::Job& job) {
  if (has_nothing()) co_return;
  auto close_all = [this, ends = !job.exiting()] {
    close(ends);
    finish_map();
  };
  co_await worker_.run(std::move(close_all));
}

nlohmann::json StreamDriver::describe() const {
  nlohmann::json about = CopyDriver::describe();
  about["volume"] = volume_;
  if (merging_) {
    about["phase"] = merge_.phase();
    about["dirty"] = 0;
  }
  return about;
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/chain_link.h"

#include <ctime>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/backup/chain_check.h"

namespace dmjob::drivers {

using volumes::Tracking;

TrackedPart tracked_part_of(Environment& environment, const CopyPlan& plan,
                            const BackupChain& chain, const std::optional<Tracking>& begun) {
  std::optional<volumes::ManagedVolume> volume;
  if (const auto* found = environment.volumes.find(plan.volume)) volume = *found;
  if (volume && begun) volume->tracking = begun;
  if (volume && !volume->tracking) volume.reset();
  return {environment, chain, std::move(volume)};
}

ChainLink::ChainLink(JobContext& context, TransferReport& report, BackupCopy& copy,
                     BackupChain chain, std::optional<Tracking> begun)
    : context_(context),
      report_(report),
      copy_(copy),
      chain_(std::move(chain)),
      begun_(std::move(begun)) {}

const Tracking* ChainLink::tracking() const {
  const auto* volume = context_.environment.volumes.find(context_.plan.volume);
  if (!volume || !volume->tracking || volume->tracking->is_broken()) return nullptr;
  return &*volume->tracking;
}

// Durable before the kernel has the tracker, so that whatever is left of it belongs to a chain.
boost::asio::awaitable<void> ChainLink::begin(core::Job& job) {
  if (chain_.role != BackupChain::Role::kFull) co_return;
  set_tracking(begun_);
  co_await job.host().persist();
}

// The instant is taken. What it is to forget at the end is durable before anything is copied.
boost::asio::awaitable<void> ChainLink::begin_to_copy(core::Job& job) {
  if (!chain_.is_part()) co_return;
  if (!context_.resumed) {
    chain_.checkpoint = copy_.tracked().checkpoint();
    chain_.instant = std::time(nullptr);
    co_await job.host().persist();
    report_.show_left(job, copy_.bulk().dirty().dirty_bytes());
  }
  co_await find_untracked_changes(job);
}

// One that was taken up may have written to its target already; that was noted before.
boost::asio::awaitable<void> ChainLink::find_untracked_changes(core::Job& job) {
  if (context_.resumed && (!tracking() || tracking()->under_way)) co_return;
  report_.set_phase("looking for changes that were not tracked");
  auto find = [this] {
    std::string found = copy_.find_untracked_change();
    if (!found.empty()) copy_.require_instant();
    return found;
  };
  const std::string change = co_await context_.worker.run(std::move(find));
  if (!change.empty()) {
    break_it(change);
    throw core::Error(change + "; a full backup with --track begins a new chain");
  }
  auto judge = [this] { return what_is_not_proven(); };
  chain_.not_proven = co_await context_.worker.run(std::move(judge));
  begin_to_write();
  co_await job.host().persist();
}

// The scratch may be in the target's tail: whoever dies from here on has written to it.
boost::asio::awaitable<void> ChainLink::forget_target_mark(core::Job& job) {
  if (!chain_.is_part() || !tracking()) co_return;
  Tracking writing = *tracking();
  writing.target_mark.clear();
  set_tracking(std::move(writing));
  co_await job.host().persist();
}

// What the sample says is true no more, where something is marked.
void ChainLink::begin_to_write() {
  if (!tracking()) return;
  Tracking writing = *tracking();
  writing.under_way = true;
  set_tracking(std::move(writing));
}

// Repeated by the next start if this one is cut off. What could not be copied is known only to
// whoever has copied; without it all stays marked.
boost::asio::awaitable<void> ChainLink::link(core::Job& job) {
  if (!chain_.is_part() || !tracking()) co_return;
  if (copy_.is_open()) co_await note_sample(job);
  std::string failed;
  io::DiskIdentity disk;
  std::string file;
  try {
    auto forget = [&] {
      if (copy_.is_open()) copy_.tracked().forget(chain_.checkpoint, copy_.bulk());
      context_.plan.target_file.empty() ? void(disk = io::identify_disk(context_.plan.target))
                                        : void(file = file_inode(context_.plan.target));
    };
    co_await context_.step("end of the marks", std::move(forget));
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) break_it(failed);
  if (!tracking()) co_return;
  Tracking next = *tracking();
  next.stage = Tracking::Stage::kProven;
  next.target_disk = disk;
  next.target_file = file;
  if (copy_.is_open()) next.under_way = false;  // else the sample is an older one
  next.boot = io::boot_id();
  next.last_backup = chain_.instant;
  set_tracking(std::move(next));
}

// While all that was copied is marked yet: killed after it, the sample is of what the target holds,
// killed before it, what has changed since the old one is passed over.
boost::asio::awaitable<void> ChainLink::note_sample(core::Job& job) {
  volumes::Sample sample;  // empty if its places are not known, or the target is gone
  try {
    auto choose = [this] { return copy_.tracked().places_to_sample(); };
    const auto places = co_await context_.step("sample of the target", std::move(choose));
    auto take = [&] {
      if (copy_.has_target()) sample = volumes::take_sample(*copy_.bulk().target(), places);
    };
    co_await context_.worker.run(std::move(take));
  } catch (const std::exception&) {
  }
  if (!tracking()) co_return;
  Tracking next = *tracking();
  next.sample = std::move(sample);
  next.under_way = true;
  set_tracking(std::move(next));
  co_await try_persist(job);
}

// After our last write to it, whatever came of the backup.
boost::asio::awaitable<void> ChainLink::note_target_mark(core::Job& job) {
  if (!chain_.is_part() || !tracking() || copy_.target_mark().empty()) co_return;
  Tracking next = *tracking();
  next.target_mark = copy_.target_mark();
  set_tracking(std::move(next));
  co_await try_persist(job);
}

// Once more: the target was not ours yet when it was looked at first. On the worker.
std::string ChainLink::what_is_not_proven() const {
  const auto& noted = copy_.tracked().tracking();
  if (chain_.role != BackupChain::Role::kIncremental || context_.plan.verify || !noted) return "";
  return drivers::what_is_not_proven(*noted, context_.plan.target);
}

// It is taken away by whoever watches the volumes, when this job has left them.
void ChainLink::break_it(const std::string& why) {
  if (!tracking()) return;
  Tracking broken = *tracking();
  broken.stage = Tracking::Stage::kBroken;
  broken.broken = why;
  set_tracking(std::move(broken));
}

// A target that was read back and is wrong may be so where nothing is marked.
void ChainLink::note_difference() {
  if (chain_.is_part()) break_it("its target was read back and is not what was written to it");
}

void ChainLink::note_failure() {
  if (chain_.role == BackupChain::Role::kFull) break_it("its full backup did not end well");
}

bool ChainLink::knows_marks() const { return !chain_.is_part() || chain_.checkpoint != 0; }

void ChainLink::set_tracking(std::optional<Tracking> tracking) {
  context_.environment.volumes.set_tracking(context_.plan.volume, std::move(tracking));
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A backup as a link of its volume's chain of incremental backups. The chain is the volume's, in
// the state file; a backup that begins one, and each that ends well, changes it.
#include <ctime>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/backup_driver.h"

namespace dmjob::drivers {

using volumes::Tracking;

TrackedPart BackupDriver::tracked_part() const {
  std::optional<volumes::ManagedVolume> volume;
  if (const auto* found = environment_.volumes.find(plan_.volume)) volume = *found;
  if (volume && tracking_) volume->tracking = tracking_;
  if (volume && !volume->tracking) volume.reset();
  return {environment_, chain_, std::move(volume)};
}

const Tracking* BackupDriver::tracking() const {
  const auto* volume = environment_.volumes.find(plan_.volume);
  if (!volume || !volume->tracking || volume->tracking->is_broken()) return nullptr;
  return &*volume->tracking;
}

// Durable before the kernel has the tracker, so that whatever is left of it belongs to a chain.
boost::asio::awaitable<void> BackupDriver::begin_chain(core::Job& job) {
  if (chain_.role != BackupChain::Role::kFull) co_return;
  environment_.volumes.set_tracking(plan_.volume, tracking_);
  co_await job.host().persist();
}

// The instant is taken. What it is to forget at the end is durable before anything is copied.
boost::asio::awaitable<void> BackupDriver::begin_to_copy(core::Job& job) {
  if (!chain_.is_part()) co_return;
  if (!resumed_) {
    chain_.checkpoint = copy_->tracked().checkpoint();
    chain_.instant = std::time(nullptr);
    co_await job.host().persist();
    show_left(job, copy_->bulk().dirty().dirty_bytes());
  }
  set_phase("looking for changes that were not tracked");
  auto find = [this] {
    std::string found = copy_->find_untracked_change();
    if (!found.empty()) confirm_difference();
    return found;
  };
  const std::string change = co_await worker_.run(std::move(find));
  if (change.empty()) co_return;
  break_chain(change);
  throw core::Error(change + "; a full backup with --track begins a new chain");
}

// Repeated by the next start if this one is cut off. What could not be copied is known only to
// whoever has copied; without it all stays marked.
boost::asio::awaitable<void> BackupDriver::link() {
  if (!chain_.is_part() || !tracking()) co_return;
  std::string failed;
  io::DiskIdentity disk;
  std::string file;
  try {
    auto forget = [&] {
      if (copy_->is_open()) copy_->tracked().forget(chain_.checkpoint, copy_->bulk());
      plan_.target_file.empty() ? void(disk = io::identify_disk(plan_.target))
                                : void(file = file_inode(plan_.target));
    };
    co_await step("end of the marks", std::move(forget));
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) break_chain(failed);
  if (!tracking()) co_return;
  Tracking next = *tracking();
  next.stage = Tracking::Stage::kProven;
  next.target_disk = disk;
  next.target_file = file;
  next.last_backup = chain_.instant;
  environment_.volumes.set_tracking(plan_.volume, std::move(next));
}

// It is taken away by whoever watches the volumes, when this job has left them.
void BackupDriver::break_chain(const std::string& why) {
  if (!tracking()) return;
  Tracking broken = *tracking();
  broken.stage = Tracking::Stage::kBroken;
  broken.broken = why;
  environment_.volumes.set_tracking(plan_.volume, std::move(broken));
}

// A target that was read back and is wrong may be so where nothing is marked.
boost::asio::awaitable<void> BackupDriver::face_differences(const BulkCopy::Look& look) {
  if (chain_.is_part()) break_chain("its target was read back and is not what was written to it");
  return CopyDriver::face_differences(look);
}

}  // namespace dmjob::drivers

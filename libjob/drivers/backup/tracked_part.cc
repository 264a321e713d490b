// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/tracked_part.h"

#include <random>
#include <utility>

#include "libjob/drivers/backup/chain_check.h"

namespace dmjob::drivers {

using volumes::Tracker;

TrackedPart::TrackedPart(Environment& environment, const BackupChain& chain,
                         std::optional<volumes::ManagedVolume> volume)
    : environment_(environment), chain_(chain) {
  if (chain.on_tracker) volume_ = std::move(volume);
}

std::string TrackedPart::under(const std::string& volume) const {
  return on_tracker() ? Tracker::base_of(volume) : volume;
}

Tracker TrackedPart::open() const {
  return {*environment_.control, environment_.ledger, *volume_, Tracker::How::kOpen};
}

// What is verified is read whole.
bool TrackedPart::check_target(const CopyPlan& plan) const {
  if (chain_.role != BackupChain::Role::kIncremental) return true;
  if (!plan.verify) require_untouched_target(*volume_->tracking, plan.target);
  return volumes::compare_marks(volume_->tracking->target_mark, volumes::write_mark(plan.target)) !=
         volumes::Since::kWrittenTo;
}

void TrackedPart::begin() {
  if (chain_.makes_tracker)
    Tracker(*environment_.control, environment_.ledger, *volume_, Tracker::How::kMake).begin();
  else if (chain_.role == BackupChain::Role::kFull)
    open().mark_all();
}

std::vector<dm::TableSwitch> TrackedPart::rotation() {
  tracker_.emplace(open());
  return tracker_->rotation();
}

void TrackedPart::require_standing() const {
  if (on_tracker())
    volumes::stack_of_tracker(*environment_.control, environment_.ledger, *volume_)
        .require_standing();
}

void TrackedPart::check_log() { tracker_->check_log(); }

void TrackedPart::take_marks(BulkCopy& bulk) {
  if (chain_.is_part()) {
    checkpoint_ = tracker_->collect();
    bulk.dirty().load(tracker_->to_copy().bytes());
    bulk.checkpoint();
  }
  tracker_.reset();
}

std::string TrackedPart::find_change_of_target(BulkCopy& bulk) const {
  if (chain_.role != BackupChain::Role::kIncremental || !bulk.target()) return "";
  const volumes::Tracking& tracking = *volume_->tracking;
  const io::DirtyBitmap nothing(bulk.dirty().size(), bulk.dirty().granularity());
  const auto offset =
      find_change(*bulk.target(), tracking.sample, tracking.under_way ? bulk.dirty() : nothing);
  if (!offset) return "";
  return "the target is not what the last backup has left: it is an older one, or was written to "
         "(byte " +
         std::to_string(*offset) + ")";
}

std::string TrackedPart::find_untracked_change(dev_t instant, BulkCopy& bulk) const {
  if (chain_.role != BackupChain::Role::kIncremental || !bulk.target()) return "";
  const auto source = io::open_device(instant, io::Access::kRead);
  const auto offset = first_unmarked_difference(*source, *bulk.target(), bulk.dirty());
  if (!offset) return "";
  return "the target is not what the last backup has left, or the volume was written to without "
         "its tracker: they differ at byte " +
         std::to_string(*offset) + ", which no mark explains";
}

std::vector<io::Extent> TrackedPart::places_to_sample() const {
  return volumes::places_to_sample(open().to_copy(), std::random_device()());
}

void TrackedPart::forget(std::uint64_t checkpoint, const BulkCopy& bulk) {
  open().forget(checkpoint, bulk.bad_blocks().regions());
}

}  // namespace dmjob::drivers

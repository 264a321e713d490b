// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How a stream begins, is taken up again, and shows that its target is a copy still: the part of
// StreamDriver that runs on the worker.
#include <system_error>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/overlay/stream_driver.h"
#include "libjob/drivers/plan/scratch_io.h"
#include "libjob/drivers/transfer/same_disk.h"
#include "libjob/io/disk_identity.h"
#include "libjob/io/sysfs.h"

namespace dmjob::drivers {

void StreamDriver::require_same_disks() const {
  for (const auto& [path, before] : {std::pair(context_.plan.source, context_.plan.source_disk),
                                     std::pair(context_.plan.target, context_.plan.target_disk)})
    if (io::is_another_disk(before, path))
      throw core::Error("another disk is in the place of " + path + ": start the stream again");
}

// A disk that tells no name is known after a boot by what is on it, or not at all.
io::DiskIdentity StreamDriver::identify_target(bool has_checkpoint) const {
  if (has_checkpoint && context_.plan.scratch.kind == store::ScratchPlace::Kind::kTail)
    return io::identify_disk(context_.plan.target);
  return require_same_disk("target " + context_.plan.target, context_.plan.target_disk,
                           context_.plan.target);
}

void StreamDriver::open_scratch(bool create) {
  scratch_device_ =
      open_device_of(context_.plan, target_->place_of_scratch(), ScratchUse::kDirect, create);
}

// False if there is none.
bool StreamDriver::open_checkpoint() {
  if (!context_.resumed) return false;
  try {
    open_scratch(false);
    scratch_.emplace(reopen_scratch(context_.plan, scratch_device_));
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

io::DiskIdentity StreamDriver::open_copy() {
  require_same_disks();
  const bool believed = context_.resumed && target_->take_again();
  if (!context_.resumed) target_->begin();
  scratch_lock_ = lock_scratch(context_.plan);
  const bool has_checkpoint = open_checkpoint();
  const io::DiskIdentity target = identify_target(has_checkpoint);
  const bool goes_on = believed && has_checkpoint;
  anew_ = has_checkpoint && !believed;
  if (!goes_on) {
    scratch_.reset();
    open_scratch(true);
    scratch_.emplace(format_scratch(context_.plan, scratch_device_));
  }
  bulk_ = std::make_unique<BulkCopy>(io::open_device(context_.plan.source, io::Access::kRead),
                                     target_->open(), *scratch_, context_.control,
                                     context_.environment.clock, context_.plan, context_.error_map);
  if (goes_on) bulk_->load_checkpoint();
  return target;
}

// A scratch that has failed cannot be wiped; the target is to be given back all the same.
void StreamDriver::close_copy(bool ends) {
  bulk_.reset();
  try {
    if (ends && scratch_) scratch_->wipe();
  } catch (const std::system_error&) {
  }
  scratch_.reset();
  scratch_device_ = {};
}

void StreamDriver::close(bool ends) {
  close_copy(ends);
  scratch_lock_.reset();
  if (ends) {
    target_->give_back();
    remove_scratch(context_.plan.scratch);
  }
  target_.reset();
}

bool StreamDriver::is_on_origin(const volumes::ManagedVolume& volume) const {
  const dev_t now =
      volumes::origin_of(*context_.environment.control, context_.environment.ledger, volume);
  return now != 0 && now == io::sysfs::disk_at(context_.plan.source) && now != target_->number();
}

// Nothing of ours writes to it any more.
void StreamDriver::prove_target() {
  target_->require_at_path();
  if (!target_->is_untouched())
    throw core::Error("target " + context_.plan.target +
                      " was written to by somebody else just before the volume was to live on it: "
                      "stream again");
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How a live copy begins, is taken up again, and finds its target again: the opening part of
// LiveCopy.
#include <system_error>

#include "libjob/core/error.h"
#include "libjob/drivers/copy/live_copy.h"
#include "libjob/drivers/plan/planned_volume.h"
#include "libjob/drivers/plan/scratch_io.h"
#include "libjob/io/units.h"

namespace dmjob::drivers {
dm::CopyStackSpec LiveCopy::make_spec() const {
  const auto layout = store::scratch_layout(plan_.size, plan_.granularity, log_bytes(plan_));
  dm::CopyStackSpec spec;
  spec.job = job_id_;
  spec.uuid = plan_.uuid;
  spec.volume = plan_.volume;
  spec.has_target = true;
  spec.target = target_.number();
  spec.region = plan_.granularity / io::kSector;
  if (!logs_in_target()) spec.scratch = scratch_device_.dev;
  for (std::size_t slot = 0; slot < spec.log_offset.size(); ++slot)
    spec.log_offset.at(slot) = (plan_.scratch.offset + layout.log.at(slot)) / io::kSector;
  spec.log_length = layout.log_bytes / io::kSector;
  return spec;
}

void LiveCopy::make_stack() {
  stack_ = std::make_unique<dm::CopyStack>(control_, ledger_, make_spec());
  if (!watched_) watched_ = std::make_unique<dm::CopyStack>(control_, ledger_, make_spec());
}

// One in the target's tail is written to through what holds the target.
void LiveCopy::open_scratch_device(bool create) {
  scratch_device_ = open_device_of(plan_, target_.place_of_scratch(), ScratchUse::kDm, create);
}

void LiveCopy::open_bulk(bool with_target) {
  auto target = with_target ? target_.open() : nullptr;
  bulk_ = std::make_unique<BulkCopy>(io::open_device(stack_->base(), io::Access::kRead),
                                     std::move(target), *scratch_, copy_control_, clock_, plan_,
                                     error_map_);
}

std::optional<io::CopyError> LiveCopy::start() {
  try {
    target_.begin();
    if (logs_in_target()) make_scratch();
  } catch (const std::system_error& error) {
    return target_.note(error);
  }
  if (!logs_in_target()) make_scratch();
  require_planned_volume(control_, plan_);
  make_stack();
  stack_->build(log_);
  open_bulk(true);
  stack_->interpose();
  mode_ = dm::WriteMode::Kind::kTracking;
  return std::nullopt;
}

// dm claims it afterwards; until then nobody may have put it to another use since the check.
void LiveCopy::make_scratch() {
  const auto lock = lock_scratch(plan_);
  open_scratch_device(true);
  scratch_.emplace(format_scratch(plan_, scratch_device_));
  for (int slot = 0; slot < store::kLogSlots; ++slot) prepare_log(slot, true);
  log_ = 0;
}

LiveCopy::Adopted LiveCopy::adopt() {
  try {
    return do_adopt();
  } catch (const std::system_error&) {
    // The target is away, and with it all knowledge of what it holds; or the scratch is late at a
    // boot, and there is nothing to know.
    const Side now = side(plan_.target, How::kTakeUp);
    const bool has_trace = now == Side::kInterposed || now == Side::kOnTarget;
    if (has_trace && !logs_in_target()) throw;
    withdraw();
    return Adopted::kNothing;
  }
}

LiveCopy::Adopted LiveCopy::do_adopt() {
  if (!logs_in_target()) open_scratch_device(true);
  make_stack();
  const dm::CopyStack::Found found = stack_->take_up();
  using Volume = dm::CopyStack::Found::Volume;
  if (found.volume == Volume::kOnTarget) return Adopted::kOnTarget;
  if (found.volume != Volume::kInterposed) {
    if (found.volume != Volume::kMissing) require_planned_volume(control_, plan_);
    stack_->remove_inner();
    scratch_device_ = {};
    return Adopted::kNothing;
  }
  if (!found.tgt) return start_over();  // an older dmjob's: nothing has held its target
  if (logs_in_target()) open_scratch_device(false);
  if (!found.writes) throw core::Error("the stack of this job is not as it was left");
  scratch_.emplace(reopen_scratch(plan_, scratch_device_));
  open_bulk(false);
  bulk_->load_checkpoint();
  for (int slot = 0; slot < store::kLogSlots; ++slot) merge_log(slot);
  bulk_->checkpoint();
  mode_ = found.writes->kind;
  log_ = found.writes->log;
  const int fresh = next_slot(log_);
  prepare_log(fresh, true);
  stack_->preload({dm::WriteMode::Kind::kTracking, fresh});
  switch_to_tracking(mirroring() ? dm::SuspendMode::kNoFlush : dm::SuspendMode::kFlush);
  reopen_target();  // its error is met again by who wants to use it
  return Adopted::kTracking;
}

LiveCopy::Adopted LiveCopy::start_over() {
  stack_->withdraw(dm::SuspendMode::kNoFlush);
  scratch_device_ = {};
  return Adopted::kNothing;
}

LiveCopy::Side LiveCopy::side(const std::string& target, How how) {
  using Volume = dm::CopyStack::Found::Volume;
  dm::CopyStackSpec spec = make_spec();
  if (!target_.is_held()) spec.target = io::sysfs::disk_at(target);
  dm::CopyStack stack(control_, ledger_, std::move(spec));
  const Volume volume = (how == How::kTakeUp ? stack.take_up() : stack.find()).volume;
  if (volume == Volume::kInterposed) return Side::kInterposed;
  if (volume == Volume::kOnTarget) return Side::kOnTarget;
  if (!stack.has_ended(dm::CopyStack::End::kKeep)) return Side::kUnknown;
  return stack.is_left_equal() ? Side::kKept : Side::kGivenBack;
}

std::optional<io::CopyError> LiveCopy::reopen_target() {
  if (!tracking()) return start();
  target_.doubt();  // what has failed is not counted alike
  bool believed = false;
  try {
    believed = target_.take_again();
    bulk_->replace_target(target_.open());
  } catch (const std::system_error& error) {
    bulk_->close_target();
    return target_.note(error);
  }
  if (believed) return std::nullopt;
  distrust_target();
  return try_rotate();
}

void LiveCopy::release_dead_target() {
  if (mirroring() || mode_ == dm::WriteMode::Kind::kPassing || target_.can_be_read()) return;
  bulk_->close_target();
  target_.let_go();
}

}  // namespace dmjob::drivers

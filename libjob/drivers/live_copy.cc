// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/live_copy.h"

#include <sys/stat.h>

#include <system_error>

#include "dm/mirror_log.h"
#include "libjob/core/error.h"
#include "libjob/drivers/copy_check.h"

namespace dmjob::drivers {
namespace {

constexpr std::uint64_t kSector = 512;

// 0 if it is away.
dev_t block_number(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? status.st_rdev : 0;
}

int next_slot(int slot) { return (slot + 1) % store::kLogSlots; }

}  // namespace

LiveCopy::LiveCopy(dm::Control& control, dm::Ledger& ledger, const core::Clock& clock,
                   io::CopyControl& copy_control, const std::string& job_id, const CopyPlan& plan)
    : control_(control),
      ledger_(ledger),
      clock_(clock),
      copy_control_(copy_control),
      job_id_(job_id),
      plan_(plan) {}

LiveCopy::~LiveCopy() = default;

// --- opening ---

dm::CopyStackSpec LiveCopy::make_spec() const {
  const auto layout = store::scratch_layout(plan_.size, plan_.granularity, log_bytes(plan_));
  dm::CopyStackSpec spec;
  spec.job = job_id_;
  spec.uuid = plan_.uuid;
  spec.volume = plan_.volume;
  spec.target = block_number(plan_.target);
  spec.region = plan_.granularity / kSector;
  spec.scratch = scratch_device_.dev;
  for (std::size_t slot = 0; slot < spec.log_offset.size(); ++slot)
    spec.log_offset.at(slot) = (scratch_device_.offset + layout.log.at(slot)) / kSector;
  spec.log_length = layout.log_bytes / kSector;
  return spec;
}

void LiveCopy::open_scratch_device(bool create) {
  scratch_device_ = open_scratch(plan_.scratch, scratch_bytes(plan_), ScratchUse::kDm, create);
  stack_ = std::make_unique<dm::CopyStack>(control_, ledger_, make_spec());
  if (!watched_) watched_ = std::make_unique<dm::CopyStack>(control_, ledger_, make_spec());
}

void LiveCopy::open_bulk() {
  bulk_ = std::make_unique<BulkCopy>(io::open_device(stack_->base(), io::Access::kRead),
                                     io::open_device(plan_.target, io::Access::kReadWrite),
                                     *scratch_, copy_control_, clock_, plan_);
}

// While tracking, nothing but this keeps the target from being mounted; dm has it while mirroring, and
// all the time where the logs are in its tail.
void LiveCopy::lock_target() {
  if (plan_.scratch.kind != ScratchPlace::Kind::kTail)
    target_lock_.emplace(plan_.target, io::DeviceLock::Mode::kExclusive);
}

void LiveCopy::start() {
  open_scratch_device(true);
  lock_target();
  scratch_.emplace(store::Scratch::format(std::move(scratch_device_.device),
                                          scratch_device_.offset, plan_.uuid, plan_.size,
                                          plan_.granularity, log_bytes(plan_)));
  for (int slot = 0; slot < store::kLogSlots; ++slot) prepare_log(slot, true);
  log_ = 0;
  stack_->build(log_);
  open_bulk();
  stack_->interpose();
  mode_ = dm::WriteMode::Kind::kTracking;
}

LiveCopy::Adopted LiveCopy::adopt() {
  open_scratch_device(true);
  const dm::CopyStack::Found found = stack_->find();
  using Volume = dm::CopyStack::Found::Volume;
  if (found.volume == Volume::kOnTarget) return Adopted::kOnTarget;
  if (found.volume != Volume::kInterposed) {
    stack_->remove_inner();
    scratch_device_ = {};
    return Adopted::kNothing;
  }
  if (!found.writes) throw core::Error("the stack of this job is not as it was left");
  scratch_.emplace(store::Scratch::open(std::move(scratch_device_.device), scratch_device_.offset,
                                        plan_.uuid));
  open_bulk();
  bulk_->load_checkpoint();
  for (int slot = 0; slot < store::kLogSlots; ++slot) merge_log(slot);
  if (found.writes->kind == dm::WriteMode::Kind::kPassing) bulk_->dirty().set_all();
  bulk_->checkpoint();
  mode_ = found.writes->kind;
  log_ = found.writes->log;
  const int fresh = next_slot(log_);
  prepare_log(fresh, true);
  stack_->preload({dm::WriteMode::Kind::kTracking, fresh});
  switch_to_tracking(mirroring() ? dm::SuspendMode::kNoFlush : dm::SuspendMode::kFlush);
  lock_target();
  return Adopted::kTracking;
}

std::optional<io::CopyError> LiveCopy::reopen_target() {
  try {
    const dev_t now = block_number(plan_.target);
    if (now != stack_->spec().target) {
      stack_ = std::make_unique<dm::CopyStack>(control_, ledger_, make_spec());
      stack_->find();
    }
    bulk_->replace_target(io::open_device(plan_.target, io::Access::kReadWrite));
    if (!tracking()) restart_tracking();
    if (!target_lock_) lock_target();
  } catch (const std::system_error& error) {
    return io::CopyError{false, 0, plan_.size, error.code()};
  }
  return std::nullopt;
}

// --- logs ---

void LiveCopy::prepare_log(int slot, bool in_sync) {
  dm::format_mirror_log(scratch_->log_buffer(slot), regions(plan_), in_sync);
  scratch_->write_log(slot);
}

void LiveCopy::merge_log(int slot) {
  scratch_->read_log(slot);
  const auto log = scratch_->log_buffer(slot);
  if (dm::valid_mirror_log(log, regions(plan_)))
    bulk_->dirty().add_out_of_sync(dm::mirror_log_bits(log, regions(plan_)));
  else
    bulk_->dirty().set_all();
}

// --- switching ---

// The preloaded tracker goes live; the marks of the log before it join the bitmap and are stored.
void LiveCopy::switch_to_tracking(dm::SuspendMode mode) {
  const int old = log_;
  stack_->switch_writes(mode, [] {});
  mode_ = dm::WriteMode::Kind::kTracking;
  log_ = next_slot(old);
  try {
    merge_log(old);
  } catch (const std::system_error&) {
    bulk_->dirty().set_all();
    throw;
  }
  bulk_->checkpoint();
}

void LiveCopy::rotate() {
  prepare_log(next_slot(log_), true);
  stack_->preload({dm::WriteMode::Kind::kTracking, next_slot(log_)});
  switch_to_tracking(dm::SuspendMode::kFlush);
}

void LiveCopy::restart_tracking() {
  bulk_->dirty().set_all();
  rotate();
}

// Called with wr suspended: direct I/O, on buffers that are there already.
void LiveCopy::write_mirror_log(int from, int to) {
  merge_log(from);
  bulk_->copy_given_up_again();
  io::DirtyBitmap& dirty = bulk_->dirty();
  const auto log = scratch_->log_buffer(to);
  dm::format_mirror_log(log, regions(plan_), true);
  for (auto run = dirty.next(0, 1); run; run = dirty.next(run->first + 1, 1))
    dm::mark_region(log, run->first);
  scratch_->write_log(to);
}

std::optional<io::CopyError> LiveCopy::hand_over() {
  const int from = log_;
  const int to = next_slot(from);
  prepare_log(to, false);
  if (auto error = bulk_->checkpoint()) return error;
  target_lock_.reset();  // dm is to have it
  try {
    stack_->preload({dm::WriteMode::Kind::kMirroring, to});
  } catch (const std::system_error& error) {
    return io::CopyError{false, 0, plan_.size, error.code()};
  }
  stack_->switch_writes(dm::SuspendMode::kFlush, [&] { write_mirror_log(from, to); });
  mode_ = dm::WriteMode::Kind::kMirroring;
  log_ = to;
  bulk_->dirty().clear_all();  // the mirror's log has it now
  bulk_->checkpoint();
  prepare_log(next_slot(to), true);
  stack_->preload({dm::WriteMode::Kind::kTracking, next_slot(to)});
  return std::nullopt;
}

void LiveCopy::fall_back(bool target_failed) {
  if (target_failed && plan_.scratch.kind == ScratchPlace::Kind::kTail) {
    stack_->preload({dm::WriteMode::Kind::kPassing, 0});
    stack_->switch_writes(dm::SuspendMode::kNoFlush, [] {});
    mode_ = dm::WriteMode::Kind::kPassing;
    bulk_->dirty().set_all();
    return;
  }
  switch_to_tracking(dm::SuspendMode::kNoFlush);
  try {
    lock_target();
  } catch (const std::system_error&) {
    // The target is gone or broken, which is why we are here; hand_over() will find out.
  }
}

std::optional<dm::MirrorStatus> LiveCopy::mirror_status() {
  auto text = watched_->mirror_status_text();
  if (!text) return std::nullopt;
  return dm::parse_mirror_status(*text);
}

void LiveCopy::release_held_writes() { watched_->release_held_writes(); }

// --- ending ---

void LiveCopy::read_mode_back() {
  const dm::CopyStack::Found found = stack_->find();
  if (!mirroring() || !found.writes || found.writes->kind == dm::WriteMode::Kind::kMirroring) return;
  const int old = log_;
  mode_ = found.writes->kind;
  log_ = found.writes->log;
  merge_log(old);
  bulk_->checkpoint();
}

void LiveCopy::pivot() {
  try {
    stack_->pivot([] {});
  } catch (const std::system_error&) {
    read_mode_back();
    throw;
  }
}

void LiveCopy::keep() {
  bulk_->close_source();  // base cannot be removed while it is open
  try {
    stack_->withdraw(dm::SuspendMode::kFreeze, [] {});
  } catch (const std::system_error&) {
    if (stack_->find().volume == dm::CopyStack::Found::Volume::kInterposed) {
      bulk_->open_source(io::open_device(stack_->base(), io::Access::kRead));
      read_mode_back();
    }
    throw;
  }
  if (std::error_code error = bulk_->target().flush())
    throw std::system_error(error, "target " + plan_.target + " could not be flushed at the end");
}

void LiveCopy::withdraw() {
  bulk_.reset();
  target_lock_.reset();
  if (!stack_) stack_ = std::make_unique<dm::CopyStack>(control_, ledger_, make_spec());
  stack_->withdraw(dm::SuspendMode::kNoFlush, [] {});
  drop_scratch();
}

void LiveCopy::remove() {
  bulk_.reset();
  target_lock_.reset();
  if (!stack_) stack_ = std::make_unique<dm::CopyStack>(control_, ledger_, make_spec());
  stack_->remove_inner();
  drop_scratch();
}

// The superblock goes, so that nobody takes it for a running job's; best effort, it names this job.
void LiveCopy::drop_scratch() {
  try {
    if (!scratch_ && scratch_device_.device)
      scratch_.emplace(store::Scratch::open(std::move(scratch_device_.device),
                                            scratch_device_.offset, plan_.uuid));
    if (scratch_) scratch_->wipe();
  } catch (const std::system_error&) {
    // A scratch that has failed cannot be wiped.
  }
  scratch_.reset();
  scratch_device_.device.reset();
  scratch_device_.loop.reset();
  remove_scratch(plan_.scratch);
}

}  // namespace dmjob::drivers

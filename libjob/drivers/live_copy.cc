// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/live_copy.h"

#include <sys/stat.h>

#include <system_error>

#include "dm/mirror_log.h"
#include "dm/name.h"
#include "libjob/core/error.h"
#include "libjob/drivers/copy_check.h"

namespace dmjob::drivers {
namespace {

constexpr std::uint64_t kSector = 512;

// 0 if it is away.
dev_t block_number(const std::string& path) {
  struct stat status{};
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
      plan_(plan),
      target_disk_(plan.target_disk) {}

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

void LiveCopy::open_bulk(bool with_target) {
  auto target = with_target ? io::open_device(plan_.target, io::Access::kReadWrite) : nullptr;
  bulk_ = std::make_unique<BulkCopy>(io::open_device(stack_->base(), io::Access::kRead),
                                     std::move(target), *scratch_, copy_control_, clock_, plan_);
}

// While tracking, nothing but this keeps the target from being mounted; dm has it while mirroring,
// and all the time where the logs are in its tail.
void LiveCopy::lock_target() {
  target_lock_.reset();
  if (!logs_in_target()) target_lock_.emplace(plan_.target, io::DeviceLock::Mode::kExclusive);
}

io::Sameness LiveCopy::check_target() {
  const io::DiskIdentity now = io::identify_disk(plan_.target);
  const io::Sameness sameness = io::compare(target_disk_, now);
  if (sameness == io::Sameness::kDifferent)
    throw std::system_error(ENODEV, std::generic_category(),
                            "another disk is in the place of " + plan_.target);
  target_disk_ = now;
  target_trouble_.clear();
  return sameness;
}

io::CopyError LiveCopy::note_trouble(const std::system_error& error) {
  target_trouble_ = error.what();
  return {false, 0, plan_.size, error.code()};
}

std::optional<io::CopyError> LiveCopy::start() {
  try {
    check_target();
    lock_target();
    if (logs_in_target()) make_scratch();
  } catch (const std::system_error& error) {
    return note_trouble(error);
  }
  if (!logs_in_target()) make_scratch();
  stack_->build(log_);
  open_bulk(true);
  stack_->interpose();
  mode_ = dm::WriteMode::Kind::kTracking;
  return std::nullopt;
}

void LiveCopy::make_scratch() {
  open_scratch_device(true);
  scratch_.emplace(store::Scratch::format(std::move(scratch_device_.device), scratch_device_.offset,
                                          plan_.uuid, plan_.size, plan_.granularity,
                                          log_bytes(plan_)));
  for (int slot = 0; slot < store::kLogSlots; ++slot) prepare_log(slot, true);
  log_ = 0;
}

LiveCopy::Adopted LiveCopy::adopt() {
  try {
    return do_adopt();
  } catch (const std::system_error&) {
    if (!logs_in_target()) throw;
    withdraw();  // the target is away, and with it all knowledge of what it holds
    return Adopted::kNothing;
  }
}

LiveCopy::Adopted LiveCopy::do_adopt() {
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
  scratch_.emplace(
      store::Scratch::open(std::move(scratch_device_.device), scratch_device_.offset, plan_.uuid));
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

bool LiveCopy::is_on_target() {
  return dm::CopyStack(control_, ledger_, make_spec()).find().volume ==
         dm::CopyStack::Found::Volume::kOnTarget;
}

std::uint64_t LiveCopy::dirty_bytes() const {
  const bool known = mode_ != dm::WriteMode::Kind::kPassing;
  return known ? bulk_->dirty().dirty_bytes() : plan_.size;
}

// The same devices, with the target under its present number.
void LiveCopy::reopen_stack() {
  if (block_number(plan_.target) == stack_->spec().target) return;
  stack_ = std::make_unique<dm::CopyStack>(control_, ledger_, make_spec());
  stack_->find();
}

std::optional<io::CopyError> LiveCopy::reopen_target() {
  if (!tracking()) return start();
  io::Sameness sameness{};
  try {
    sameness = check_target();
    lock_target();
    bulk_->replace_target(io::open_device(plan_.target, io::Access::kReadWrite));
  } catch (const std::system_error& error) {
    bulk_->close_target();
    return note_trouble(error);
  }
  reopen_stack();
  if (sameness == io::Sameness::kUnknown) restart_tracking();
  return std::nullopt;
}

void LiveCopy::release_dead_target() {
  if (mirroring() || !has_target()) return;
  io::AlignedBuffer block(bulk_->target()->alignment());
  if (!bulk_->target()->read(0, block.bytes())) return;
  bulk_->close_target();
  target_lock_.reset();
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

// Some marks of a log that could not be written are nowhere but in the kernel's memory.
bool LiveCopy::log_has_failed() noexcept {
  try {
    const auto status = mirror_status();
    return !status || status->log != dm::Health::kAlive;
  } catch (const std::exception&) {
    return true;
  }
}

// The preloaded tracker goes live.
void LiveCopy::switch_to_tracking(dm::SuspendMode mode) {
  const int old = log_;
  bool marks_missing = false;
  stack_->switch_writes(mode, [&] { marks_missing = log_has_failed(); });
  mode_ = dm::WriteMode::Kind::kTracking;
  log_ = next_slot(old);
  collect_marks(old, marks_missing);
}

// The marks of the log that was in use join the bitmap and are stored.
void LiveCopy::collect_marks(int log, bool marks_missing) {
  try {
    if (marks_missing) bulk_->dirty().set_all();
    merge_log(log);
  } catch (const std::system_error&) {
    bulk_->dirty().set_all();
    throw;
  }
  bulk_->checkpoint();
}

void LiveCopy::rotate() {
  if (!tracking()) return;
  prepare_log(next_slot(log_), true);
  stack_->preload({dm::WriteMode::Kind::kTracking, next_slot(log_)});
  switch_to_tracking(dm::SuspendMode::kFlush);
}

std::optional<io::CopyError> LiveCopy::try_rotate() {
  try {
    rotate();
  } catch (const std::system_error& error) {
    if (!logs_in_target()) throw;
    return note_trouble(error);
  }
  return std::nullopt;
}

void LiveCopy::restart_tracking() {
  bulk_->dirty().set_all();
  rotate();
}

// Called with wr suspended: direct I/O, on buffers that are there already.
void LiveCopy::write_mirror_log(int from, int to) {
  if (log_has_failed()) bulk_->dirty().set_all();
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
  if (!tracking()) return std::nullopt;
  const int from = log_;
  const int to = next_slot(from);
  const int back = next_slot(to);
  prepare_log(to, false);
  prepare_log(back, true);
  if (auto error = bulk_->checkpoint()) return error;
  target_lock_.reset();  // dm is to have it
  try {
    stack_->preload({dm::WriteMode::Kind::kMirroring, to});
  } catch (const std::system_error& error) {
    return note_trouble(error);
  }
  stack_->switch_writes(dm::SuspendMode::kFlush, [&] { write_mirror_log(from, to); });
  mode_ = dm::WriteMode::Kind::kMirroring;
  log_ = to;
  // At once: only from here on can the guardian leave the mirror.
  stack_->preload({dm::WriteMode::Kind::kTracking, back});
  bulk_->dirty().clear_all();  // the mirror's log has it now
  const auto error = bulk_->checkpoint();
  if (error) leave_target();
  return error;
}

void LiveCopy::fall_back() {
  switch_to_tracking(dm::SuspendMode::kNoFlush);
  try {
    lock_target();
  } catch (const std::system_error&) {
    // The target is gone or broken, which may be why we are here; hand_over() will find out.
  }
}

void LiveCopy::leave_target() {
  if (!logs_in_target()) return fall_back();
  mode_ = dm::WriteMode::Kind::kPassing;
  bulk_->close_source();
  bulk_->close_target();
  scratch_.reset();
  stack_->withdraw(dm::SuspendMode::kNoFlush, [] {});
}

void LiveCopy::keep_equal(bool equal) {
  const std::string wr = dm::inner_name(job_id_, "wr");
  ledger_.forget_mirror(wr);
  if (!equal && mirroring()) ledger_.watch_mirror(wr);
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
  if (!mirroring() || !found.writes || found.writes->kind == dm::WriteMode::Kind::kMirroring)
    return;
  const int old = log_;
  mode_ = found.writes->kind;
  log_ = found.writes->log;
  collect_marks(old, false);
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
  if (std::error_code error = bulk_->target()->flush())
    throw std::system_error(error, "target " + plan_.target + " could not be flushed at the end");
}

void LiveCopy::withdraw() {
  mode_ = dm::WriteMode::Kind::kPassing;
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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/transfer/bulk_copy.h"

#include <algorithm>

namespace dmjob::drivers {
namespace {

bool has_read_error(const io::CopyResult& result) {
  return (result.error && result.error->is_read) ||
         std::ranges::any_of(result.ignored, &io::CopyError::is_read);
}

}  // namespace

BulkCopy::BulkCopy(std::unique_ptr<io::BlockDevice> source, std::unique_ptr<io::BlockDevice> target,
                   store::Scratch& scratch, io::CopyControl& control, const core::Clock& clock,
                   const CopyPlan& plan, ErrorMapFile& map)
    : source_(std::move(source)),
      target_(std::move(target)),
      scratch_(scratch),
      control_(control),
      clock_(clock),
      on_source_error_(plan.on_source_error),
      on_target_error_(plan.on_target_error),
      only_compare_(plan.only_compare),
      scratch_on_target_(plan.scratch.kind == ScratchPlace::Kind::kTail),
      dirty_(plan.size, plan.granularity),
      unflushed_(plan.size, plan.granularity),
      unverified_(plan.size, plan.granularity),
      bad_blocks_(plan.size, plan.granularity),
      map_(map),
      about_("source " + plan.source + ", target " + plan.target),
      copied_counts_(!plan.tracked()),
      options_{.target_is_zero = plan.new_file},
      last_checkpoint_(clock.now()) {
  unverified_.set_all();
  if (only_compare_) return;
  dirty_.set_all();
  unflushed_.set_all();
}

BulkCopy::~BulkCopy() { write_map(); }

io::CopyEngine& BulkCopy::engine() {
  if (!engine_) engine_.emplace(*source_, *target_, control_, clock_, options_);
  return *engine_;
}

void BulkCopy::drop_engines() {
  engine_.reset();
  compare_engine_.reset();
}

void BulkCopy::replace_target(std::unique_ptr<io::BlockDevice> target) {
  drop_engines();
  target_ = std::move(target);
  dirty_.add(unflushed_);  // it may have lost its cache
}

void BulkCopy::close_target() { replace_target(nullptr); }

void BulkCopy::close_source() {
  drop_engines();
  source_.reset();
}

BulkCopy::Slice BulkCopy::run_slice(core::Progress& progress, core::Duration time,
                                    const Confirm& confirm) {
  if (!source_ || !target_) return {io::CopyEnd::kStopped, {}, {}, dirty_.dirty_bytes()};
  auto decide = [this](const io::CopyError& error) {
    return core::decide(error.is_read ? on_source_error_ : on_target_error_, error.error);
  };
  unflushed_.add(dirty_);
  unverified_.add(dirty_);
  compare_engine_.reset();  // its buffers are locked memory
  const io::DirtyBitmap tried_again = dirty_and_bad();
  io::CopyResult result = engine().run(dirty_, progress, clock_.now() + time, decide);
  if (has_read_error(result)) confirm();
  Slice slice{result.end, result.error, {}, 0};
  forget_copied(tried_again);
  // A region that was left half-way may not be given up. It is dirty, and its error comes again.
  if (result.end != io::CopyEnd::kStopped && result.end != io::CopyEnd::kError) {
    slice.error = accept(result.ignored);
    slice.ignored = merge_neighbours(std::move(result.ignored));
  }
  if (!slice.error && clock_.now() - last_checkpoint_ >= kCheckpointEvery)
    slice.error = checkpoint();
  if (slice.error) slice.end = io::CopyEnd::kError;
  note_target_errors(slice);
  slice.dirty = dirty_.dirty_bytes();
  return slice;
}

void BulkCopy::note_target_errors(const Slice& slice) {
  const auto is_write = [](const io::CopyError& error) { return !error.is_read; };
  if ((slice.error && is_write(*slice.error)) || std::ranges::any_of(slice.ignored, is_write))
    target_failed_ = true;
}

std::optional<io::CopyError> BulkCopy::checkpoint() {
  last_checkpoint_ = clock_.now();
  const std::error_code away = std::make_error_code(std::errc::no_such_device);
  const std::error_code error = target_ ? target_->flush() : away;
  if (error) {
    dirty_.add(unflushed_);
    target_failed_ = true;
  }
  try {
    store();
  } catch (const std::system_error& failed) {
    if (!scratch_on_target_) throw;
    dirty_.add(unflushed_);
    return io::CopyError{false, 0, dirty_.size(), failed.code()};
  }
  if (error) return io::CopyError{false, 0, dirty_.size(), error};
  unflushed_.load(dirty_.bytes());
  if (mapped_ != bad_blocks_.version()) write_map();
  return std::nullopt;
}

void BulkCopy::distrust_target() {
  if (only_compare_) return unverified_.set_all();
  dirty_.set_all();
  checkpoint();  // an error of the target is met again by who wants to use it
}

// What was given up is stored as dirty: a next start tries it again.
void BulkCopy::store() {
  if (bad_blocks_.count() == 0) return scratch_.checkpoint(dirty_);
  io::DirtyBitmap all(dirty_.size(), dirty_.granularity());
  all.load(dirty_.bytes());
  all.add(bad_blocks_.regions());
  scratch_.checkpoint(all);
}

void BulkCopy::load_checkpoint() {
  if (only_compare_) return;
  io::DirtyBitmap stored = scratch_.load_checkpoint();
  dirty_.load(stored.bytes());
  unflushed_.load(stored.bytes());
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/bulk_copy.h"

#include <algorithm>

namespace dmjob::drivers {

BulkCopy::BulkCopy(std::unique_ptr<io::BlockDevice> source, std::unique_ptr<io::BlockDevice> target,
                   store::Scratch& scratch, io::CopyControl& control, const core::Clock& clock,
                   const CopyPlan& plan)
    : source_(std::move(source)),
      target_(std::move(target)),
      scratch_(scratch),
      control_(control),
      clock_(clock),
      on_source_error_(plan.on_source_error),
      on_target_error_(plan.on_target_error),
      scratch_on_target_(plan.scratch.kind == ScratchPlace::Kind::kTail),
      dirty_(plan.size, plan.granularity),
      unflushed_(plan.size, plan.granularity),
      given_up_(plan.size, plan.granularity),
      options_{.target_is_zero = plan.new_file},
      last_checkpoint_(clock.now()) {
  dirty_.set_all();
  unflushed_.set_all();
}

io::CopyEngine& BulkCopy::engine() {
  if (!engine_) engine_.emplace(*source_, *target_, control_, clock_, options_);
  return *engine_;
}

void BulkCopy::replace_target(std::unique_ptr<io::BlockDevice> target) {
  engine_.reset();
  target_ = std::move(target);
  dirty_.add(unflushed_);  // it may have lost its cache
}

void BulkCopy::close_target() { replace_target(nullptr); }

void BulkCopy::close_source() {
  engine_.reset();
  source_.reset();
}

BulkCopy::Slice BulkCopy::run_slice(core::Progress& progress, core::Duration time) {
  if (!source_ || !target_) return {io::CopyEnd::kStopped, {}, {}, dirty_.dirty_bytes()};
  auto decide = [this](const io::CopyError& error) {
    return core::decide(error.is_read ? on_source_error_ : on_target_error_, error.error);
  };
  unflushed_.add(dirty_);
  retry_given_up();
  io::CopyResult result = engine().run(dirty_, progress, clock_.now() + time, decide);
  Slice slice{result.end, result.error, std::move(result.ignored), 0};
  // A region that was left half-way may not be given up. It is dirty, and its error comes again.
  if (result.end == io::CopyEnd::kStopped || result.end == io::CopyEnd::kError)
    slice.ignored.clear();
  if (!slice.error && clock_.now() - last_checkpoint_ >= kCheckpointEvery) {
    slice.error = checkpoint();
    if (slice.error) slice.end = io::CopyEnd::kError;
  }
  slice.dirty = dirty_.dirty_bytes();
  return slice;
}

std::optional<io::CopyError> BulkCopy::checkpoint() {
  last_checkpoint_ = clock_.now();
  const std::error_code away = std::make_error_code(std::errc::no_such_device);
  const std::error_code error = target_ ? target_->flush() : away;
  if (error) dirty_.add(unflushed_);
  try {
    store();
  } catch (const std::system_error& failed) {
    if (!scratch_on_target_) throw;
    dirty_.add(unflushed_);
    return io::CopyError{false, 0, dirty_.size(), failed.code()};
  }
  if (error) return io::CopyError{false, 0, dirty_.size(), error};
  unflushed_.load(dirty_.bytes());
  return std::nullopt;
}

// What was given up is stored as dirty: a next start tries it again.
void BulkCopy::store() {
  if (given_up_.count() == 0) return scratch_.checkpoint(dirty_);
  io::DirtyBitmap all(dirty_.size(), dirty_.granularity());
  all.load(dirty_.bytes());
  all.add(given_up_);
  scratch_.checkpoint(all);
}

void BulkCopy::load_checkpoint() {
  io::DirtyBitmap stored = scratch_.load_checkpoint();
  dirty_.load(stored.bytes());
  unflushed_.load(stored.bytes());
}

void BulkCopy::give_up(const io::CopyError& extent) {
  const std::uint64_t unit = dirty_.granularity();
  const std::uint64_t end = extent.offset + extent.length;
  for (std::uint64_t at = extent.offset; at < end;) {
    const std::uint64_t next = std::min(end, (at / unit + 1) * unit);
    dirty_.clear(at / unit);
    given_up_.set(at / unit);
    unreadable_.push_back({true, at, next - at, extent.error});
    at = next;
  }
  std::ranges::sort(unreadable_, {}, &io::CopyError::offset);
  target_->write_zeroes(extent.offset, extent.length);  // its error shows at the next flush
}

// Writes last: a region that has both stays dirty.
void BulkCopy::accept(const std::vector<io::CopyError>& ignored) {
  for (const io::CopyError& error : ignored)
    if (error.is_read) give_up(error);
  for (const io::CopyError& error : ignored)
    if (!error.is_read) take_back(error);
}

void BulkCopy::forget(std::uint64_t region) {
  given_up_.clear(region);
  const std::uint64_t unit = dirty_.granularity();
  std::erase_if(unreadable_, [&](const auto& extent) { return extent.offset / unit == region; });
}

io::DirtyBitmap BulkCopy::dirty_and_given_up() const {
  io::DirtyBitmap both(dirty_.size(), dirty_.granularity());
  for (auto run = given_up_.next(0, 1); run; run = given_up_.next(run->first + 1, 1))
    if (dirty_.test(run->first)) both.set(run->first);
  return both;
}

// What has been written to since may be readable now.
void BulkCopy::retry_given_up() {
  const io::DirtyBitmap again = dirty_and_given_up();
  for (auto run = again.next(0, 1); run; run = again.next(run->first + 1, 1)) forget(run->first);
}

void BulkCopy::copy_given_up_again() {
  io::DirtyBitmap again = dirty_and_given_up();
  if (again.count() == 0) return;
  unflushed_.add(again);
  for (auto run = again.next(0, 1); run; run = again.next(run->first + 1, 1)) {
    dirty_.clear(run->first);
    forget(run->first);
  }
  io::CopyControl unlimited;
  core::Progress uncounted;
  io::CopyEngine once(*source_, *target_, unlimited, clock_, options_);
  const io::CopyResult result =
      once.run(again, uncounted, core::TimePoint::max(),
               [](const io::CopyError&) { return core::ErrorAction::kIgnore; });
  accept(result.ignored);
}

// The target refused it: not ours to give up.
void BulkCopy::take_back(const io::CopyError& extent) {
  const std::uint64_t last = (extent.offset + extent.length - 1) / dirty_.granularity();
  for (std::uint64_t region = extent.offset / dirty_.granularity(); region <= last; ++region) {
    forget(region);
    dirty_.set(region);
  }
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From one log to the next, and from tracking to mirroring: the steps of LiveCopy that the volume's
// writes wait for. A disk that is too slow for one of them is not a failed disk: the tables are as
// before then, and the step is put off.
#include <chrono>
#include <system_error>

#include "dm/deputy.h"
#include "dm/mirror_log.h"
#include "libjob/drivers/copy/live_copy.h"

namespace dmjob::drivers {
namespace {

// Of the volume's writers with what is done while they wait.
constexpr std::chrono::seconds kHeldPatience(2);

}  // namespace

// --- from log to log ---

void LiveCopy::rotate() {
  take_fresh_log([] {});
}

void LiveCopy::take_fresh_log(const std::function<void()>& inside) {
  if (!tracking()) return;
  const std::lock_guard lock(tables_);
  prepare_log(next_slot(log_), true);
  stack_->preload({dm::WriteMode::Kind::kTracking, next_slot(log_)});
  switch_to_tracking(dm::SuspendMode::kFlush, inside);
}

// Where the logs are in the target's tail, their failure is the target's, and nothing can be
// tracked.
std::optional<io::CopyError> LiveCopy::blame_target(const std::system_error& error) {
  if (!logs_in_target()) throw;
  if (mode_ != dm::WriteMode::Kind::kPassing) leave_target();
  return target_.note(error);
}

std::optional<io::CopyError> LiveCopy::try_rotate() {
  put_off_.clear();
  try {
    rotate();
  } catch (const std::system_error& error) {
    if (!can_be_put_off(error)) return blame_target(error);
  }
  return std::nullopt;
}

// --- hand-over ---

// With the tables as before all that is dirty still is, or is marked in the log that is in use.
bool LiveCopy::can_be_put_off(const std::system_error& error) {
  if (error.code() != std::errc::timed_out || !tracking()) return false;
  put_off_ = error.what();
  return true;
}

// Called with wr suspended: direct I/O, on buffers that are there already. Blocks that could not be
// read are not tried again in here, which takes time and memory.
void LiveCopy::write_mirror_log(int from, int to) {
  if (log_has_failed()) bulk_->dirty().set_all();
  merge_log(from);
  io::DirtyBitmap& dirty = bulk_->dirty();
  const auto log = scratch_->log_buffer(to);
  dm::format_mirror_log(log, regions(plan_), true);
  for (auto run = dirty.next(0, 1); run; run = dirty.next(run->first + 1, 1))
    dm::mark_region(log, run->first);
  scratch_->write_log(to);
}

std::optional<io::CopyError> LiveCopy::hand_over() {
  put_off_.clear();
  if (!tracking()) return std::nullopt;
  try {
    return do_hand_over();
  } catch (const std::system_error& error) {
    if (!can_be_put_off(error)) return blame_target(error);
  }
  return std::nullopt;
}

// The target's error, and nothing has changed, if dm cannot have it.
std::optional<io::CopyError> LiveCopy::switch_to_mirroring(int from, int to) {
  const std::lock_guard lock(tables_);
  try {
    stack_->preload({dm::WriteMode::Kind::kMirroring, to});
  } catch (const std::system_error& error) {
    return target_.note(error);
  }
  dm::Deputy write([&] { write_mirror_log(from, to); });
  stack_->switch_writes(dm::SuspendMode::kFlush, [&] { write.run(kHeldPatience); });
  mode_ = dm::WriteMode::Kind::kMirroring;
  log_ = to;
  // At once: only from here on can the guardian leave the mirror.
  stack_->preload({dm::WriteMode::Kind::kTracking, next_slot(to)});
  return std::nullopt;
}

std::optional<io::CopyError> LiveCopy::do_hand_over() {
  if (bulk_->bad_blocks().count() > 0) {
    rotate();  // what is written from here on is in a log of its own, and stays dirty
    bulk_->copy_bad_blocks_again();
  }
  if (!is_target_ours()) {
    distrust_target();
    return std::nullopt;
  }
  const int from = log_;
  const int to = next_slot(from);
  const int back = next_slot(to);
  prepare_log(to, false);
  prepare_log(back, true);
  if (auto error = bulk_->checkpoint()) return error;
  if (auto error = switch_to_mirroring(from, to)) return error;
  bulk_->hand_over_dirty();  // the mirror's log has it now
  const auto error = bulk_->checkpoint();
  if (error) leave_target();
  return error;
}

}  // namespace dmjob::drivers

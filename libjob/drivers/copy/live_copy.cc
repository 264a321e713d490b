// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy/live_copy.h"

#include <chrono>
#include <system_error>
#include <vector>

#include "dm/deputy.h"
#include "dm/mirror_log.h"
#include "dm/name.h"
#include "dm/topology/write_cache.h"
#include "libjob/core/error.h"
#include "libjob/drivers/plan/scratch_io.h"

namespace dmjob::drivers {
namespace {

// Of the volume's writers, and in part its readers, with what is done while it is suspended.
constexpr std::chrono::seconds kHeldPatience(2);

}  // namespace

LiveCopy::LiveCopy(dm::Control& control, dm::Ledger& ledger, const core::Clock& clock,
                   io::CopyControl& copy_control, const std::string& job_id, const CopyPlan& plan,
                   ErrorMapFile& error_map)
    : control_(control),
      ledger_(ledger),
      clock_(clock),
      copy_control_(copy_control),
      job_id_(job_id),
      plan_(plan),
      error_map_(error_map),
      target_(plan, std::make_unique<dm::HeldDisk>(control, ledger, job_id, plan.uuid), "") {
  target_.bring_to_rest_by([this](const std::function<void()>& look) { bring_to_rest(look); });
}

LiveCopy::~LiveCopy() = default;

std::uint64_t LiveCopy::dirty_bytes() const {
  const bool known = mode_ != dm::WriteMode::Kind::kPassing;
  return known ? bulk_->dirty().dirty_bytes() : plan_.size;
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
void LiveCopy::switch_to_tracking(dm::SuspendMode mode, const std::function<void()>& inside) {
  const int old = log_;
  bool marks_missing = false;
  try {
    stack_->switch_writes(mode, [&] {
      marks_missing = log_has_failed();
      inside();
    });
  } catch (const std::system_error&) {
    if (mirroring() && stack_->find().writes == dm::WriteMode{mode_, log_}) ensure_way_back();
    throw;
  }
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

// A mirror that cannot be left holds the volume's writes for ever once its target fails: whatever
// has failed before, the tracker is loaded again.
void LiveCopy::ensure_way_back() {
  const dm::WriteMode back{dm::WriteMode::Kind::kTracking, next_slot(log_)};
  if (stack_->preloaded() != back) {
    prepare_log(back.log, true);  // its marks are in the mirror's log since the hand-over
    stack_->preload(back);
  }
  watch_way_back();
}

void LiveCopy::watch_way_back() {
  const std::string wr = dm::inner_name(job_id_, "wr");
  ledger_.forget_mirror(wr);
  if (!is_kept_equal_ && mirroring()) ledger_.watch_mirror(wr);
}

void LiveCopy::restart_tracking() {
  bulk_->dirty().set_all();
  rotate();
}

void LiveCopy::fall_back() {
  bulk_->renew_tries();
  try {
    read_mode_back();
    if (mirroring()) switch_to_tracking(dm::SuspendMode::kNoFlush);
  } catch (const std::system_error& error) {
    blame_target(error);
  }
}

void LiveCopy::leave_target() {
  if (!logs_in_target()) return fall_back();
  mode_ = dm::WriteMode::Kind::kPassing;
  bulk_->close_source();
  bulk_->close_target();
  scratch_.reset();
  const std::lock_guard lock(tables_);
  stack_->withdraw(dm::SuspendMode::kNoFlush);
  target_.give_back();
}

void LiveCopy::keep_equal(bool equal) {
  is_kept_equal_ = equal;
  watch_way_back();
}

std::optional<dm::MirrorStatus> LiveCopy::mirror_status() {
  auto text = watched_->mirror_status_text();
  if (!text) return std::nullopt;
  return dm::parse_mirror_status(*text);
}

bool LiveCopy::renew_tracker() {
  const std::unique_lock lock(tables_, std::try_to_lock);
  return lock && watched_->renew_tracker();
}

bool LiveCopy::stands() noexcept {
  try {
    watched_->require_standing();
  } catch (const dm::TableReplaced&) {
    return false;
  } catch (const std::exception&) {
  }
  return true;
}

std::string LiveCopy::why_replaced() {
  if (mode_ == dm::WriteMode::Kind::kPassing) return "";
  try {
    stack_->require_standing();
  } catch (const dm::TableReplaced& replaced) {
    return replaced.what();
  }
  return "";
}

void LiveCopy::release_held_writes() { watched_->release_held_writes(); }

void LiveCopy::fail_held_writes() {
  dm::CopyStackSpec names;  // all that it takes
  names.job = job_id_;
  names.uuid = plan_.uuid;
  names.volume = plan_.volume;
  dm::CopyStack(control_, ledger_, std::move(names)).fail_held_writes();
}

// --- ending ---

// What cannot be known is neither done nor undone. A volume may have its own table by another's
// hand, but only we put it on the target.
void LiveCopy::Ending::look(bool passed) noexcept {
  try {
    done = (passed || end == dm::CopyStack::End::kPivot) && copy->stack_->has_ended(end);
  } catch (const std::exception&) {
    known = false;
  }
}

void LiveCopy::require_equal() {
  const auto status = mirroring() ? mirror_status() : std::nullopt;
  if (!status || !status->in_sync())
    throw std::system_error(EIO, std::generic_category(),
                            "volume '" + plan_.volume + "' and its target did not stay equal");
}

std::string LiveCopy::let_flushes_through() {
  if (!plan_.managed) return "";
  try {
    return dm::follow_write_cache(control_, ledger_, plan_.volume);
  } catch (const std::system_error& error) {
    return error.what();
  }
}

void LiveCopy::read_mode_back() {
  if (!mirroring()) return;
  const dm::CopyStack::Found found = stack_->find();
  if (!found.writes) return;
  if (found.writes->kind == dm::WriteMode::Kind::kFailing) {
    stack_->preload({dm::WriteMode::Kind::kTracking, next_slot(log_)});
    switch_to_tracking(dm::SuspendMode::kNoFlush);
    target_.doubt();
    return;
  }
  if (*found.writes == dm::WriteMode{mode_, log_}) return ensure_way_back();
  const int old = log_;
  mode_ = found.writes->kind;
  log_ = found.writes->log;
  target_.doubt();
  collect_marks(old, false);
}

bool LiveCopy::recheck_held(std::vector<io::Extent>& suspects, io::Differences& found) {
  constexpr std::uint64_t kMost = 4 << 20;
  if (!mirroring()) return false;
  bulk_->prepare_recheck(suspects);
  bool readable = false;
  std::vector<io::Extent> left = suspects;
  io::Differences differences;
  dm::Deputy look([&] { readable = bulk_->recheck(left, kMost, differences); });
  stack_->hold([&] { look.run(kHeldPatience); });
  suspects = std::move(left);  // not of a look that took too long: writes were on their way
  found = std::move(differences);
  return readable;
}

void LiveCopy::end_together(std::span<Ending> endings, const std::function<void()>& inside) {
  std::vector<dm::CopyStack::Ending> stacks;
  for (const Ending& ending : endings) stacks.push_back({ending.copy->stack_.get(), ending.end});
  bool passed = false;
  const auto pass = [&] {
    inside();
    passed = true;
  };
  try {
    dm::CopyStack::end_together(stacks, pass);
  } catch (const std::system_error&) {
    for (Ending& ending : endings) ending.look(passed);
    throw;
  }
  for (Ending& ending : endings) ending.done = true;
}

void LiveCopy::note_success() {
  if (bulk_) bulk_->note_success();
}

void LiveCopy::withdraw() {
  mode_ = dm::WriteMode::Kind::kPassing;
  bulk_.reset();
  if (!stack_) make_stack();
  stack_->withdraw(dm::SuspendMode::kNoFlush);
  drop_scratch();
  target_.give_back();
}

void LiveCopy::remove() {
  bulk_.reset();
  if (!stack_) make_stack();
  stack_->remove_inner();
  drop_scratch();
  target_.give_back();
}

// The superblock goes, so that nobody takes it for a running job's; best effort, it names this job.
void LiveCopy::drop_scratch() {
  try {
    if (!scratch_ && !scratch_device_.device) open_scratch_device(false);
    if (!scratch_) scratch_.emplace(reopen_scratch(plan_, scratch_device_));
    scratch_->wipe();
  } catch (const std::exception&) {
    // It was never made, has failed, or is another disk's by now.
  }
  scratch_.reset();
  scratch_device_.device.reset();
  scratch_device_.loop.reset();
  remove_scratch(plan_.scratch);
}

}  // namespace dmjob::drivers

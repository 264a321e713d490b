// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy/live_driver.h"

#include <tuple>
#include <utility>

#include "libjob/core/error.h"

namespace dmjob::drivers {

using Fault = MirrorWatch::Fault;

namespace {

// Little enough to be handed to the kernel at once, which copies it without a speed limit.
constexpr std::uint64_t kLittle = 16 << 20;
// A pass that leaves more than this part of what the one before left does not help any more.
constexpr double kShrinks = 0.7;
constexpr int kPasses = 20;

std::unique_ptr<LiveCopy> make_copy(JobContext& context) {
  Environment& environment = context.environment;
  if (!environment.control) throw core::Error("this kernel has no device-mapper");
  return std::make_unique<LiveCopy>(*environment.control, environment.ledger, environment.clock,
                                    context.control, context.job_id, context.plan,
                                    context.error_map);
}

}  // namespace

LiveDriver::LiveDriver(Environment& environment, CopyPlan plan, std::string job_id, bool resumed,
                       std::shared_ptr<PivotGroup> group)
    : TransferDriver(environment, std::move(plan), std::move(job_id), resumed),
      copy_(make_copy(context_)),
      watch_(context_, report_, transfer_, *copy_, *this),
      verifier_(context_, report_, transfer_, *copy_, watch_),
      flushes_(context_, *copy_),
      pivot_(context_, report_, *copy_, watch_, std::move(group)) {}

boost::asio::awaitable<void> LiveDriver::run(core::Job& job) {
  preparing_ = false;  // once more, if its end was put off
  waited_at_end_ = {};
  if (!opened_) co_await open(job);
  if (!opened_ || pivot_.has_ended()) co_return;
  bool equal = co_await converge(job);
  while (equal) {
    job.set_ready();
    if (job.complete_requested() || job.soft_cancel_requested()) co_return;
    report_.set_phase("ready");
    co_await job.wait_kick(kSlice);
    co_await flushes_.poll();
    co_await poll_mounts();
    equal = co_await converge(job);
  }
}

// In ready: what is mounted comes and goes.
boost::asio::awaitable<void> LiveDriver::poll_mounts() {
  constexpr core::Duration kEvery = std::chrono::seconds(30);
  if (context_.environment.clock.now() < next_mount_poll_) co_return;
  next_mount_poll_ = context_.environment.clock.now() + kEvery;
  co_await find_not_frozen();
}

// Takes up what is there, or starts.
boost::asio::awaitable<void> LiveDriver::open(core::Job& job) {
  auto adopted = LiveCopy::Adopted::kNothing;
  if (context_.resumed) {
    co_await follow_volume(job);
    auto adopt = [this] { return copy_->adopt(); };
    adopted = co_await context_.step("take-up", std::move(adopt));
  }
  if (adopted == LiveCopy::Adopted::kNothing)
    co_await begin(job);
  else
    opened_ = true;
  if (adopted == LiveCopy::Adopted::kOnTarget) pivot_.finish(job, true);
  if (!opened_ || pivot_.has_ended()) co_return;
  co_await note_account(job);
  target_away_ = !copy_->has_target();
  target_fault_ = copy_->target_fault();
  watch_.start(job);
  if (job.is_ready()) report_.show_to_verify(job, 0);
  report_.show_copied(job, copy_->dirty_bytes());
  report_.show_left(job, copy_->dirty_bytes());
}

// There is nothing to be tracked yet, so a pause can come first, and a disk be waited for.
boost::asio::awaitable<void> LiveDriver::begin(core::Job& job) {
  co_await wait_for_late_disks(job);
  while (!job.must_return()) {
    if (job.pause_requested()) co_await rest(job);
    if (job.must_return()) break;
    auto start = [this] { return copy_->start(); };
    const auto error = co_await context_.step("start", std::move(start));
    target_fault_ = copy_->target_fault();
    opened_ = !error;
    if (opened_) break;
    co_await handle_target_error(job, *error);
  }
}

boost::asio::awaitable<bool> LiveDriver::converge(core::Job& job) {
  while (!job.must_return()) {
    if (!watch_.lost_volume().empty()) throw core::Error(watch_.lost_volume());
    if (watch_.fault() != Fault::kNone) co_await handle_fault(job);
    if (job.pause_requested()) co_await pause(job);
    if (job.must_return()) break;
    if (watch_.fault() != Fault::kNone || !watch_.lost_volume().empty()) continue;
    if (!watch_.mirroring()) {
      co_await track(job);
    } else if (!watch_.in_sync()) {
      co_await wait_for_resync(job);
    } else if (verifier_.is_wanted(job)) {
      co_await verifier_.run_slice(job);
    } else {
      co_return true;
    }
  }
  co_return false;
}

// --- tracking ---

boost::asio::awaitable<void> LiveDriver::track(core::Job& job) {
  if (target_away_) {
    auto again = [this] { return copy_->reopen_target(); };
    const auto error = co_await context_.step("open the target", std::move(again));
    target_away_ = error.has_value();
    target_fault_ = copy_->target_fault();
    co_await note_account(job);
    if (error) {
      co_await handle_target_error(job, *error);
      co_return;
    }
  }
  report_.set_phase(pass_ == 0 ? "bulk" : "pass " + std::to_string(pass_));
  const io::CopyEnd end = co_await transfer_.copy_slice(job, copy_->bulk());
  if (end == io::CopyEnd::kClean) co_await pass_done(job);
}

// A fresh log tells what was written during the pass.
boost::asio::awaitable<void> LiveDriver::pass_done(core::Job& job) {
  auto rotate = [this] {
    const auto error = copy_->try_rotate();
    return std::tuple(error, copy_->dirty_bytes(), copy_->put_off());
  };
  const auto [error, dirty, put_off] = co_await context_.step("rotate", std::move(rotate));
  if (!put_off.empty()) {
    co_await handle_slowness(job, put_off);
    co_return;
  }
  if (error) {
    target_away_ = true;
    co_await handle_target_error(job, *error);
    co_return;
  }
  source_faults_ = 0;
  ++pass_;
  report_.show_left(job, dirty);
  if (worth_handing_over(dirty)) co_await end_tracking(job);
  last_dirty_ = dirty;
}

// What could not be read gets its second try first, in a pass like any other.
boost::asio::awaitable<void> LiveDriver::end_tracking(core::Job& job) {
  const bool more = co_await transfer_.try_bad_blocks_again(copy_->bulk());
  if (!more) co_await hand_over(job);
}

bool LiveDriver::worth_handing_over(std::uint64_t dirty) const {
  const bool shrinks =
      pass_ == 1 || static_cast<double>(dirty) < kShrinks * static_cast<double>(last_dirty_);
  return dirty <= kLittle || !shrinks || pass_ >= kPasses;
}

boost::asio::awaitable<void> LiveDriver::hand_over(core::Job& job) {
  if (job.pause_requested() || job.must_return()) co_return;
  report_.set_phase("handing over");
  auto hand_over = [this] {
    const auto error = copy_->hand_over();
    return std::tuple(error, copy_->mirroring(), copy_->bulk().unverified_bytes(),
                      copy_->let_flushes_through(), copy_->put_off());
  };
  const auto [error, mirroring, unverified, swallows, put_off] =
      co_await context_.step("hand over", std::move(hand_over));
  flushes_.note(swallows);
  watch_.set_mirroring(mirroring);
  if (context_.plan.verify && !job.is_ready()) report_.show_to_verify(job, unverified);
  watch_.forget_in_sync();
  report_.show_unreadable(copy_->bulk());
  co_await note_account(job);
  if (error) {
    target_away_ = true;
    co_await handle_target_error(job, *error);
  } else if (!put_off.empty()) {
    co_await handle_slowness(job, put_off);
  } else if (watch_.mirroring()) {
    co_await watch_.poll(job);
  }
}

// Nothing has failed and nothing has changed; the next pass tries again, with a rest for those who
// write to the volume.
boost::asio::awaitable<void> LiveDriver::handle_slowness(core::Job& job, std::string what) {
  constexpr core::Duration kBetween = std::chrono::seconds(10);
  report_.set_phase("put off, since the volume's writes would have waited too long for a disk (" +
                    what + "); it is tried again");
  spend_patience(kBetween, "a disk was too slow for the job to take effect: " + what);
  if (!job.pause_requested()) co_await job.wait_kick(kBetween);
}

// At the end nobody can cancel it any more, and others may wait for it.
void LiveDriver::spend_patience(core::Duration wait, const std::string& in_vain) {
  constexpr core::Duration kEndPatience = std::chrono::seconds(60);
  if (preparing_) waited_at_end_ += wait;
  if (waited_at_end_ > kEndPatience) throw core::Error(in_vain);
}

// --- mirroring ---

boost::asio::awaitable<void> LiveDriver::wait_for_resync(core::Job& job) {
  report_.set_phase("resync");
  co_await job.wait_kick(kSlice);
}

// --- interruptions ---

// A pause that an error has asked for lets a dead target go; one that the user has asked for keeps
// it.
boost::asio::awaitable<void> LiveDriver::pause(core::Job& job) {
  const bool failed = job.io_status() != core::IoStatus::kOk;
  auto stop = [this, failed] {
    if (copy_->mirroring())
      copy_->fall_back();
    else if (copy_->tracking())
      copy_->bulk().checkpoint();
    if (failed) copy_->release_dead_target();
    return copy_->dirty_bytes();
  };
  const std::uint64_t dirty = co_await context_.step("pause", std::move(stop));
  report_.show_left(job, dirty);
  watch_.set_mirroring(false);
  watch_.forget_in_sync();
  target_away_ = target_away_ || failed || !copy_->has_target();
  co_await note_account(job);
  co_await rest(job);
  if (watch_.fault() == Fault::kTarget) {  // how it is now, track() finds out
    watch_.take_fault();
    target_away_ = true;
  }
}

boost::asio::awaitable<void> LiveDriver::rest(core::Job& job) {
  if (preparing_) throw core::Error("an I/O error came in the way of the end");
  report_.set_phase("paused");
  co_await job.pause_point();
}

// By policy the job fails, pauses soon, or tries again in a moment.
boost::asio::awaitable<void> LiveDriver::handle_target_error(core::Job& job, io::CopyError error) {
  report_.set_phase("waiting for the target");
  spend_patience(kSlice,
                 "target " + context_.plan.target + " did not come back while the job took effect");
  if (target_fault_.empty()) target_fault_ = context_.plan.target + ": " + error.error.message();
  transfer_.handle_error(job, error);
  if (!job.pause_requested()) co_await job.wait_kick(kSlice);
}

// The watch has gone back to tracking already.
boost::asio::awaitable<void> LiveDriver::handle_fault(core::Job& job) {
  const Fault fault = watch_.take_fault();
  if (fault == Fault::kScratch)
    throw core::Error("scratch (" + context_.plan.scratch.describe() +
                      ") has failed: what is written to volume '" + context_.plan.volume +
                      "' can no longer be tracked; start again with another --scratch");
  const bool at_source = fault == Fault::kSource;
  const io::CopyError error{at_source, 0, context_.plan.size,
                            std::make_error_code(std::errc::io_error)};
  if (!at_source) {
    target_away_ = true;
    co_await handle_target_error(job, error);
    co_return;
  }
  // Our own loop will find the block that the kernel could not read, and say where it is.
  constexpr int kPatience = 3;
  if (++source_faults_ < kPatience) co_return;
  source_faults_ = 0;
  transfer_.handle_error(job, error);
  if (!job.pause_requested()) co_await job.wait_kick(kSlice);
}

// --- for others ---

// With its logs gone with the target the volume has its own table, by us.
bool LiveDriver::is_to_stand() const {
  const bool left = target_away_ && context_.plan.scratch.kind == ScratchPlace::Kind::kTail;
  return !left && !pivot_.is_ending() && !pivot_.has_ended();
}

TransferDriver::TargetNote LiveDriver::note_of_target() const {
  return {copy_->target_account(), copy_->copied_anew()};
}

nlohmann::json LiveDriver::describe() const {
  nlohmann::json about = TransferDriver::describe();
  about["pass"] = pass_;
  about["managed"] = context_.plan.managed;
  if (!target_fault_.empty()) about["waiting-for"] = "the target: " + target_fault_;
  if (!flushes_.swallows().empty()) about["swallows-flushes"] = flushes_.swallows();
  return about;
}

}  // namespace dmjob::drivers

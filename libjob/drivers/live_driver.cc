// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/live_driver.h"

#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/live_step.h"

namespace dmjob::drivers {
namespace {

// Little enough to be handed to the kernel at once, which copies it without a speed limit.
constexpr std::uint64_t kLittle = 16 << 20;
// A pass that leaves more than this part of what the one before left does not help any more.
constexpr double kShrinks = 0.7;
constexpr int kPasses = 20;

}  // namespace

LiveDriver::LiveDriver(Environment& environment, CopyPlan plan, std::string job_id, bool resumed)
    : CopyDriver(environment, std::move(plan), std::move(job_id), resumed),
      watch_ended_(environment.executor) {
  if (!environment.control) throw core::Error("this kernel has no device-mapper");
  copy_ = std::make_unique<LiveCopy>(*environment.control, environment.ledger, environment.clock,
                                     control_, job_id_, plan_);
}

boost::asio::awaitable<void> LiveDriver::run(core::Job& job) {
  co_await open(job);
  if (on_target_) co_return;
  bool equal = co_await converge(job);
  while (equal) {
    job.set_ready();
    if (job.complete_requested() || job.soft_cancel_requested()) co_return;
    set_phase("ready");
    co_await job.wait_kick(kSlice);
    equal = co_await converge(job);
  }
}

// Takes up what is there, or starts.
boost::asio::awaitable<void> LiveDriver::open(core::Job& job) {
  auto take_up = [this] {
    const auto adopted = resumed_ ? copy_->adopt() : LiveCopy::Adopted::kNothing;
    if (adopted == LiveCopy::Adopted::kNothing) copy_->start();
    return adopted;
  };
  const auto adopted = co_await step("start", std::move(take_up));
  opened_ = true;
  on_target_ = adopted == LiveCopy::Adopted::kOnTarget;
  if (on_target_) co_return;
  start_watch(job);
  show_left(job, copy_->bulk().dirty().dirty_bytes());
}

boost::asio::awaitable<bool> LiveDriver::converge(core::Job& job) {
  while (!job.must_return()) {
    if (trouble_ != Trouble::kNone) co_await face_trouble(job);
    if (job.pause_requested()) co_await pause(job);
    if (job.must_return()) break;
    if (trouble_ != Trouble::kNone) continue;
    if (!mirroring_) {
      co_await track(job);
    } else if (in_sync_) {
      co_return true;
    } else {
      co_await mirror(job);
    }
  }
  co_return false;
}

// --- tracking ---

boost::asio::awaitable<void> LiveDriver::track(core::Job& job) {
  if (target_away_) {
    auto again = [this] { return copy_->reopen_target(); };
    const auto error = co_await step("open the target", std::move(again));
    target_away_ = error.has_value();
    if (error) co_return face(job, *error);
  }
  set_phase(pass_ == 0 ? "bulk" : "pass " + std::to_string(pass_));
  const io::CopyEnd end = co_await copy_slice(job, copy_->bulk());
  if (end == io::CopyEnd::kClean) co_await pass_done(job);
}

// A fresh log tells what was written during the pass.
boost::asio::awaitable<void> LiveDriver::pass_done(core::Job& job) {
  auto rotate = [this] {
    copy_->rotate();
    return copy_->bulk().dirty().dirty_bytes();
  };
  const std::uint64_t dirty = co_await step("rotate", std::move(rotate));
  source_troubles_ = 0;
  ++pass_;
  show_left(job, dirty);
  if (worth_handing_over(dirty)) co_await hand_over(job);
  last_dirty_ = dirty;
}

bool LiveDriver::worth_handing_over(std::uint64_t dirty) const {
  const bool shrinks =
      pass_ == 1 || static_cast<double>(dirty) < kShrinks * static_cast<double>(last_dirty_);
  return dirty <= kLittle || !shrinks || pass_ >= kPasses;
}

boost::asio::awaitable<void> LiveDriver::hand_over(core::Job& job) {
  if (job.pause_requested() || job.must_return()) co_return;
  set_phase("handing over");
  auto hand_over = [this] { return copy_->hand_over(); };
  const auto error = co_await step("hand over", std::move(hand_over));
  if (error) {
    target_away_ = true;
    face(job, *error);
    co_return;
  }
  mirroring_ = true;
  in_sync_ = false;
  co_await look(job);
}

// --- mirroring ---

boost::asio::awaitable<void> LiveDriver::mirror(core::Job& job) {
  set_phase("resync");
  co_await job.wait_kick(kSlice);
}

// --- interruptions ---

boost::asio::awaitable<void> LiveDriver::pause(core::Job& job) {
  if (preparing_) throw core::Error("an I/O error came in the way of the end");
  auto stop = [this] {
    if (copy_->mirroring()) copy_->fall_back(false);
    else if (copy_->tracking()) copy_->bulk().checkpoint();
    return copy_->bulk().dirty().dirty_bytes();
  };
  const std::uint64_t dirty = co_await step("pause", std::move(stop));
  show_left(job, dirty);
  mirroring_ = false;
  in_sync_ = false;
  co_await job.pause_point();
}

// The watch has gone back to tracking already; by policy the job fails, pauses, or tries again.
boost::asio::awaitable<void> LiveDriver::face_trouble(core::Job& job) {
  const Trouble trouble = std::exchange(trouble_, Trouble::kNone);
  const std::error_code failed = std::make_error_code(std::errc::io_error);
  if (trouble == Trouble::kScratch)
    throw core::Error("scratch (" + plan_.scratch.describe() +
                      ") has failed: what is written to volume '" + plan_.volume +
                      "' can no longer be tracked; start again with another --scratch");
  if (trouble == Trouble::kTarget) {
    target_away_ = true;
    face(job, {false, 0, plan_.size, failed});
  }
  // Our own loop will find the block that the kernel could not read, and say where it is.
  constexpr int kPatience = 3;
  if (trouble == Trouble::kSource && ++source_troubles_ >= kPatience) {
    source_troubles_ = 0;
    face(job, {true, 0, plan_.size, failed});
  }
  if (!job.pause_requested()) co_await job.wait_kick(kSlice);
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The ends of a live copy. A pivot is decided by the state file, before it is done: from
// ManagedVolumes::set_pivot() on, a boot takes the target. Both sides are equal all that time; if
// the target fails in between, the decision is revoked (DECISIONS.md, "the commit point of a
// pivot").
#include "libjob/core/error.h"
#include "libjob/drivers/live_driver.h"
#include "libjob/drivers/live_step.h"

namespace dmjob::drivers {

void LiveDriver::check_complete() const {
  if (plan_.managed) return;
  throw core::Error("volume '" + plan_.volume + "' belongs to " + plan_.owner +
                    ", which would bring the old disk back at the next boot: it cannot be pivoted. "
                    "'dmjob cancel " +
                    job_id_ + "' ends the job with a consistent copy");
}

// Taken up in pending: the volume's writes are tracked again, until prepare() makes both sides
// equal.
boost::asio::awaitable<void> LiveDriver::attend(core::Job& job) {
  preparing_ = true;
  co_await open(job);
}

boost::asio::awaitable<void> LiveDriver::prepare(core::Job& job) {
  preparing_ = true;
  if (!opened_) {
    co_await revoke_unless_done(job);
    co_await open(job);
  }
  if (on_target_) {
    group_->leave(*this);
    co_return settle_on_target(job);
  }
  constexpr int kTries = 5;
  std::string failed = "the two sides did not stay equal";
  for (int i = 0; i < kTries; ++i) {
    const bool equal = co_await converge(job);
    if (!equal) break;
    failed = co_await end(job);
    if (failed.empty()) co_return;
  }
  throw core::Error(failed);
}

// Returns when no boot would take the targets any more; before that the sides must stay equal.
boost::asio::awaitable<void> LiveDriver::revoke_pivots(core::Job& job, Drivers drivers) {
  for (const LiveDriver* driver : drivers) environment_.volumes.revoke_pivot(driver->plan_.volume);
  std::string failed = co_await try_persist(job);
  if (!failed.empty())
    job.host().events.publish("JOB_STALLED", {{"id", job_id_}, {"reason", failed}});
  while (!failed.empty() && !job.exiting()) {
    co_await job.wait_kick(kSlice);
    failed = co_await try_persist(job);
  }
  if (!failed.empty()) throw core::Error(failed);
  auto release = [&] {
    for (LiveDriver* driver : drivers) driver->copy_->keep_equal(false);
  };
  co_await worker_.run(std::move(release));
}

// An earlier process had decided a pivot. What it did not come to is decided anew, since taking the
// copy up makes the sides differ.
boost::asio::awaitable<void> LiveDriver::revoke_unless_done(core::Job& job) {
  const volumes::ManagedVolume* volume = environment_.volumes.find(plan_.volume);
  if (!volume || !volume->pivot_to) co_return;
  auto look = [this] { return copy_->is_on_target(); };
  const bool done = co_await step("look", std::move(look));
  if (done) co_return;
  Drivers self{this};
  co_await revoke_pivots(job, std::move(self));
}

boost::asio::awaitable<std::string> LiveDriver::try_persist(core::Job& job) {
  try {
    co_await job.host().persist();
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "";
}

// Made durable with the job's record, before commit().
void LiveDriver::settle_on_target(core::Job& job) {
  const volumes::ManagedVolume* volume = environment_.volumes.find(plan_.volume);
  if (!volume || !volume->pivot_to) return;
  const std::string target = *volume->pivot_to;
  environment_.volumes.finish_pivot(plan_.volume);
  job.host().events.publish("VOLUME_CHANGE",
                            {{"name", plan_.volume}, {"change", "moved"}, {"device", target}});
}

boost::asio::awaitable<void> LiveDriver::commit(core::Job& job) {
  co_await stop_watch();
  std::string failed;
  if (!job.complete_requested()) failed = co_await try_call(&LiveCopy::flush_target);
  if (failed.empty()) failed = co_await try_call(&LiveCopy::note_success);
  co_await take_away("clean-up", &LiveCopy::remove);
  set_phase(job.complete_requested() ? "done; the volume lives on the target"
                                     : "done; the target is a copy of the instant of the end");
  if (!failed.empty()) throw core::Error(failed);
}

boost::asio::awaitable<std::string> LiveDriver::try_call(void (LiveCopy::*call)()) {
  try {
    auto function = [this, call] { (copy_.get()->*call)(); };
    co_await worker_.run(std::move(function));
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "";
}

boost::asio::awaitable<void> LiveDriver::abort(core::Job& job) {
  co_await stop_watch();
  const volumes::ManagedVolume* volume = environment_.volumes.find(plan_.volume);
  if (volume && volume->pivot_to) {
    Drivers self{this};
    co_await revoke_pivots(job, std::move(self));
  }
  co_await take_away("withdrawal", &LiveCopy::withdraw);
  set_phase("given up; the target is incomplete");
}

// Something may have an inner device open for a moment (a probe, a scan): a few more tries.
boost::asio::awaitable<void> LiveDriver::take_away(std::string what, void (LiveCopy::*call)()) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    try {
      auto function = [this, call] { (copy_.get()->*call)(); };
      co_await step(what, std::move(function));
      left_behind_.clear();
      co_return;
    } catch (const std::exception& error) {
      left_behind_ = error.what();
    }
  }
}

boost::asio::awaitable<void> LiveDriver::clean(core::Job& job) {
  co_await stop_watch();
  const bool keep = job.exiting() && opened_ && !on_target_ && !ended_;
  auto close = [this, keep] {
    if (keep && copy_->mirroring())
      copy_->fall_back();
    else if (keep && copy_->tracking())
      copy_->bulk().checkpoint();
    copy_.reset();
    finish_map();
  };
  co_await worker_.run(std::move(close));
}

nlohmann::json LiveDriver::describe() const {
  nlohmann::json about = CopyDriver::describe();
  about["pass"] = pass_;
  about["managed"] = plan_.managed;
  if (!target_trouble_.empty()) about["waiting-for"] = "the target: " + target_trouble_;
  if (!left_behind_.empty()) about["left-behind"] = left_behind_;
  return about;
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The ends of a live copy. A pivot is decided by the state file, before it is done: from
// ManagedVolumes::set_pivot() on, a boot takes the target. Both sides are equal all that time; if
// the target fails in between, the decision is revoked (D-006).
#include "libjob/core/error.h"
#include "libjob/drivers/copy/live_driver.h"

namespace dmjob::drivers {

void LiveDriver::check_complete() const {
  if (!swallows_.empty()) throw core::Error(refusal_to_pivot());
  if (context_.plan.managed) return;
  throw core::Error("volume '" + context_.plan.volume + "' belongs to " + context_.plan.owner +
                    ", which would bring the old disk back at the next boot: it cannot be pivoted. "
                    "'dmjob cancel " +
                    context_.job_id + "' ends the job with a consistent copy");
}

// Taken up in pending: the volume's writes are tracked again, until prepare() makes both sides
// equal.
boost::asio::awaitable<void> LiveDriver::attend(core::Job& job) {
  preparing_ = true;
  co_await open(job);
}

boost::asio::awaitable<void> LiveDriver::prepare(core::Job& job) {
  preparing_ = true;
  if (!opened_ && !ended_) {
    const bool known = co_await settle_earlier_end(job);
    if (!known) throw core::Error(report_.left_behind());
    if (!lost_volume_.empty()) throw core::Error(lost_volume_);
    if (!ended_) co_await open(job);
  }
  if (ended_) co_return;
  constexpr int kTries = 5;
  std::string failed = "the two sides did not stay equal";
  for (int i = 0; i < kTries; ++i) {
    const bool equal = co_await converge(job);
    if (!equal) break;
    failed = co_await end(job);
    if (failed.empty()) co_return;
    co_await face_lost_volume(job);
    const bool known = co_await try_settle(job);
    if (ended_) co_return;
    if (!known) break;
    const bool again = i + 1 < kTries && group_->members().size() > 1;
    if (end_put_off_ && !again) throw core::NotNow(failed);
  }
  throw core::Error(failed);
}

// Only a volume that is still interposed has not switched. One that is neither here nor there (its
// target is late after a boot) keeps its decision: the file says where it lives.
boost::asio::awaitable<bool> LiveDriver::settle_earlier_end(core::Job& job) {
  const volumes::ManagedVolume* volume = context_.environment.volumes.find(context_.plan.volume);
  const bool decided = volume && volume->pivot_to;
  if (!decided && !job.soft_cancel_requested()) co_return true;
  const std::string target = decided ? *volume->pivot_to : context_.plan.target;
  const auto how = opened_ ? LiveCopy::How::kLook : LiveCopy::How::kTakeUp;
  auto look = [this, target, how] {
    const LiveCopy::Side now = copy_->side(target, how);
    const bool moved = now == LiveCopy::Side::kOnTarget;
    return std::pair(now, moved ? copy_->name_other_than(target) : std::nullopt);
  };
  const auto [side, other_name] = co_await context_.step("look", std::move(look));
  if (other_name && decided)
    context_.environment.volumes.set_pivot(context_.plan.volume, other_name->first,
                                           other_name->second);
  if (side == LiveCopy::Side::kOnTarget && decided) be_done(job, true);
  if (side == LiveCopy::Side::kKept && !decided) be_done(job, false);
  const bool has_own_table = side == LiveCopy::Side::kKept || side == LiveCopy::Side::kGivenBack;
  if (!ended_ && has_own_table)
    lost_volume_ = dm::TableReplaced(context_.plan.volume).what() +
                   std::string(" while dmjobd was away; the copy is not complete: start it again");
  if (ended_ || !decided) co_return true;
  // What the kernel has is in use, whoever has brought it back: a boot is to take the same.
  if (side != LiveCopy::Side::kInterposed && !has_own_table) {
    report_.show_left_behind(
        "volume '" + context_.plan.volume + "' lives on " + target +
        " by decision, but its device does not show it: see to that disk, then restart "
        "dmjobd");
    co_return false;
  }
  Drivers self{this};
  co_await revoke_pivots(job, std::move(self));
  co_return true;
}

void LiveDriver::be_done(core::Job& job, bool on_target) {
  ended_ = true;
  group_->leave(*this);
  if (!on_target) return;
  context_.plan.not_frozen.clear();  // a pivot needs nothing frozen
  settle_on_target(job);
}

// Made durable with the job's record, before commit().
void LiveDriver::settle_on_target(core::Job& job) {
  const volumes::ManagedVolume* volume = context_.environment.volumes.find(context_.plan.volume);
  if (!volume || !volume->pivot_to) return;
  const std::string target = *volume->pivot_to;
  context_.environment.volumes.finish_pivot(context_.plan.volume);
  job.host().events.publish(
      "VOLUME_CHANGE", {{"name", context_.plan.volume}, {"change", "moved"}, {"device", target}});
}

boost::asio::awaitable<void> LiveDriver::commit(core::Job& job) {
  co_await stop_watch();
  std::string failed;
  if (!job.complete_requested()) failed = co_await try_call(&LiveCopy::flush_target);
  if (failed.empty()) failed = co_await try_call(&LiveCopy::note_success);
  std::function<void()> remove = [this] { copy_->remove(); };
  co_await take_away("clean-up", std::move(remove));
  if (job.complete_requested()) co_await let_flushes_through();
  report_.set_phase(done_phase(job));
  if (!failed.empty()) throw core::Error(failed);
}

std::string LiveDriver::done_phase(const core::Job& job) {
  return job.complete_requested() ? "done; the volume lives on the target"
                                  : "done; the target is a copy of the instant of the end";
}

boost::asio::awaitable<std::string> LiveDriver::try_call(void (LiveCopy::*call)()) {
  try {
    auto function = [this, call] { (copy_.get()->*call)(); };
    co_await context_.worker.run(std::move(function));
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "";
}

boost::asio::awaitable<void> LiveDriver::abort(core::Job& job) {
  co_await stop_watch();
  const bool known = co_await try_settle(job);
  std::function<void()> withdraw = [this] { copy_->withdraw(); };
  if (known) co_await take_away("withdrawal", std::move(withdraw));
  report_.set_phase(ended_ ? done_phase(job) : "given up; the target is incomplete");
}

// With a decision that cannot be settled the stack stays: a boot takes the target, so the sides may
// not be let go.
boost::asio::awaitable<bool> LiveDriver::try_settle(core::Job& job) {
  const volumes::ManagedVolume* volume = context_.environment.volumes.find(context_.plan.volume);
  if (ended_ || !volume || !volume->pivot_to) co_return true;
  try {
    co_return co_await settle_earlier_end(job);
  } catch (const std::exception& error) {
    report_.show_left_behind(error.what());
  }
  co_return false;
}

boost::asio::awaitable<void> LiveDriver::clean(core::Job& job) {
  co_await stop_watch();
  const volumes::ManagedVolume* volume = context_.environment.volumes.find(context_.plan.volume);
  // While a boot may take the target, the sides must stay equal: the mirror is left alone.
  const bool decided = revoking_ || (volume && volume->pivot_to);
  const bool keep = job.exiting() && opened_ && !ended_ && !decided;
  auto close = [this, keep] {
    if (keep && copy_->mirroring())
      copy_->fall_back();
    else if (keep && copy_->tracking())
      copy_->bulk().checkpoint();
    copy_.reset();
    context_.finish_map();
  };
  co_await context_.worker.run(std::move(close));
}

nlohmann::json LiveDriver::describe() const {
  nlohmann::json about = TransferDriver::describe();
  about["pass"] = pass_;
  about["managed"] = context_.plan.managed;
  if (!target_trouble_.empty()) about["waiting-for"] = "the target: " + target_trouble_;
  if (!swallows_.empty()) about["swallows-flushes"] = swallows_;
  return about;
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The ends of a live copy: what the job calls after run().
#include "libjob/core/error.h"
#include "libjob/drivers/copy/live_driver.h"

namespace dmjob::drivers {
namespace {

std::string done_phase(const core::Job& job) {
  return job.complete_requested() ? "done; the volume lives on the target"
                                  : "done; the target is a copy of the instant of the end";
}

}  // namespace

void LiveDriver::check_complete() const {
  if (!flushes_.swallows().empty()) throw core::Error(flushes_.refusal_to_pivot());
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
  if (!opened_ && !pivot_.has_ended()) {
    const bool known = co_await resolve(job);
    if (!known) throw core::Error(report_.left_behind());
    if (!watch_.lost_volume().empty()) throw core::Error(watch_.lost_volume());
    if (!pivot_.has_ended()) co_await open(job);
  }
  if (pivot_.has_ended()) co_return;
  constexpr int kTries = 5;
  std::string failed = "the two sides did not stay equal";
  for (int i = 0; i < kTries; ++i) {
    const bool equal = co_await converge(job);
    if (!equal) break;
    failed = co_await end(job);
    if (failed.empty()) co_return;
    co_await watch_.confirm_volume(job);
    const bool known = co_await try_resolve(job);
    if (pivot_.has_ended()) co_return;
    if (!known) break;
    const bool again = i + 1 < kTries && pivot_.has_others();
    if (pivot_.is_put_off() && !again) throw core::NotNow(failed);
  }
  throw core::Error(failed);
}

// Returns "" or why it could not be done; then the volume is as it was.
boost::asio::awaitable<std::string> LiveDriver::end(core::Job& job) {
  // First: what is acknowledged from here on is flushed by who has written it.
  if (job.complete_requested()) {
    co_await flushes_.let_flushes_through();
    if (!flushes_.swallows().empty()) co_return flushes_.refusal_to_pivot();
  } else {
    co_await find_not_frozen();
  }
  // While it may still take its time, and holds nobody.
  std::function<void()> flush = [this] { copy_->flush_target(); };
  std::string failed = co_await context_.attempt(std::move(flush));
  if (!failed.empty()) co_return failed;
  failed = co_await pivot_.end(job);
  co_await note_account(job);
  co_return failed;
}

boost::asio::awaitable<bool> LiveDriver::resolve(core::Job& job) {
  return pivot_.resolve(job, opened_ ? LiveCopy::How::kInspect : LiveCopy::How::kTakeUp);
}

// With a decision that cannot be resolved the stack stays: a boot takes the target, so the sides
// may not be let go.
boost::asio::awaitable<bool> LiveDriver::try_resolve(core::Job& job) {
  if (pivot_.has_ended() || !pivot_.is_recorded()) co_return true;
  try {
    co_return co_await resolve(job);
  } catch (const std::exception& error) {
    report_.show_left_behind(error.what());
  }
  co_return false;
}

boost::asio::awaitable<void> LiveDriver::commit(core::Job& job) {
  co_await watch_.stop();
  const bool pivoted = job.complete_requested();
  std::function<void()> finish = [this, pivoted] {
    if (!pivoted) copy_->flush_target();
    copy_->note_success();
  };
  const std::string failed = co_await context_.attempt(std::move(finish));
  std::function<void()> remove = [this] { copy_->remove(); };
  co_await take_away("clean-up", std::move(remove));
  if (pivoted) co_await flushes_.let_flushes_through();
  report_.set_phase(done_phase(job));
  if (!failed.empty()) throw core::Error(failed);
}

boost::asio::awaitable<void> LiveDriver::abort(core::Job& job) {
  co_await watch_.stop();
  const bool known = co_await try_resolve(job);
  std::function<void()> withdraw = [this] { copy_->withdraw(); };
  if (known) co_await take_away("withdrawal", std::move(withdraw));
  report_.set_phase(pivot_.has_ended() ? done_phase(job) : "given up; the target is incomplete");
}

boost::asio::awaitable<void> LiveDriver::clean(core::Job& job) {
  co_await watch_.stop();
  // While a boot may take the target, the sides must stay equal: the mirror is left alone.
  const bool keep = job.exiting() && opened_ && !pivot_.has_ended() && !pivot_.may_be_recorded();
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

}  // namespace dmjob::drivers

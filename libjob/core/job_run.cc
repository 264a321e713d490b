// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The coroutine of a job, from start to end, and when its record is made durable:
//
//   running             record, then run(): a job is known before anything is done for it
//   aborting            record, then abort(): a cancel or failure is not forgotten half-way
//   pending, manual     record: the run is not done a second time
//   finalized           record "preparing", then prepare(). Not written: the job aborts
//   prepared            record "prepared", then commit() and clean(). Not written: tried until it
//   is,
//                       because clean() gives up what could prove the pivot otherwise
//   concluded, null     record
//
// In the other places a record that cannot be written does not stop the job: being killed there
// repeats a step, which every driver must bear anyway.
#include "libjob/core/job_run.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "libjob/core/job_group.h"

namespace dmjob::core {
namespace {

using boost::asio::awaitable;

constexpr Duration kPersistAgain = std::chrono::seconds(1);
constexpr Duration kPrepareAgain = std::chrono::seconds(5);
constexpr Duration kAskAgain = std::chrono::seconds(1);

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    const std::string text = exception.what();
    return text.empty() ? "Unknown error" : text;
  } catch (...) {
    return "Unknown error";
  }
}

void fail(JobState& job, std::exception_ptr error) {
  if (job.life.exiting) return;
  job.error = text_of(error);
  job.life.outcome = Outcome::kFailure;
}

awaitable<std::string> try_persist(JobState& job) {
  try {
    co_await job.host.persist();
  } catch (...) {
    co_return text_of(std::current_exception());
  }
  co_return "";
}

awaitable<bool> persist_surely(JobState& job) {
  for (bool told = false;; told = true) {
    const std::string why_not = co_await try_persist(job);
    if (why_not.empty()) co_return true;
    if (job.life.exiting) co_return false;
    if (!told) job.publish("JOB_STALLED", {{"id", job.id()}, {"reason", why_not}});
    co_await job.kicked.wait_for(kPersistAgain);
  }
}

// --- before anything is done ---

// A pause is shown here and kept in run(), which a paused job is to reach as well.
awaitable<void> wait_while_obstructed(JobState& job) {
  job.life.obstructed = job.life.restored && !job.obstacle().empty();
  while (job.life.obstructed && !job.must_return()) {
    job.show_pause(job.pause_requested());
    co_await job.self.wait_kick(kAskAgain);
    job.life.obstructed = !job.obstacle().empty();
  }
  job.life.obstructed = false;
}

// --- running, paused, ready, standby ---

awaitable<void> work(JobState& job) {
  try {
    if (!job.life.restored && !job.flags.ready) co_await job.host.persist();
    if (!job.must_return()) co_await job.driver->run(job.self);
  } catch (...) {
    fail(job, std::current_exception());
  }
  if (job.life.exiting) co_return;
  job.flags.user_paused = false;
  if (const Status status = unpaused_form(job.status); status != job.status) job.move(status);
}

// --- waiting, pending ---

awaitable<void> attend(JobState& job) {
  try {
    co_await job.driver->attend(job.self);
  } catch (...) {
    fail(job, std::current_exception());
  }
}

awaitable<void> wait_for_the_others(JobState& job) {
  if (job.status == Status::kWaiting) co_await try_persist(job);
  while (job.status == Status::kWaiting && job.is_open()) co_await job.kicked.wait();
}

awaitable<void> wait_for_finalize(JobState& job) {
  if (!job.is_open() || !is_to_be_finalized(job) || job.flags.preparing) co_return;
  co_await try_persist(job);
  while (!job.flags.finalize && job.is_open()) co_await job.kicked.wait();
}

bool goes_back(const JobState& job) { return job.step == EffectStep::kGoesBack; }

bool waits_for_the_group(const JobState& job) {
  return !job.flags.cancelled && job.life.outcome == Outcome::kOpen && !group_has_given_up(job);
}

awaitable<void> begin_prepare(JobState& job) {
  enter_prepare(job);  // first of all: no cancel from here on
  co_await job.host.persist();
  be_preparing(job);
  while (!all_durably_preparing(job) && waits_for_the_group(job)) co_await job.kicked.wait();
  if (group_has_given_up(job)) throw Error("the daemon ends");
}

// Where others of the transaction cannot go back, it is tried on: what is finished is not thrown
// away.
awaitable<void> prepare_until_it_is_time(JobState& job) {
  while (!job.flags.cancelled && !goes_back(job)) {
    std::string not_now;
    try {
      co_await job.driver->prepare(job.self);
    } catch (const NotNow& error) {
      not_now = error.what();
    }
    if (not_now.empty()) break;
    be_put_off(job, std::move(not_now));
    while (can_go_back(job) && !goes_back(job) && !job.life.exiting && waits_for_the_group(job))
      co_await job.kicked.wait();
    if (goes_back(job) || job.life.exiting || !waits_for_the_group(job)) co_return;
    co_await job.kicked.wait_for(kPrepareAgain);
    if (job.step == EffectStep::kPutOff) job.step = EffectStep::kPreparing;
  }
  if (!goes_back(job)) be_prepared(job);
}

awaitable<void> prepare(JobState& job) {
  try {
    co_await begin_prepare(job);
    co_await prepare_until_it_is_time(job);
  } catch (...) {
    fail(job, std::current_exception());
  }
  if (job.step != EffectStep::kPrepared && job.life.exiting) co_return;
  while (!job.flags.prepared && !goes_back(job) && waits_for_the_group(job))
    co_await job.kicked.wait();
}

awaitable<void> take_effect(JobState& job) {
  const bool taken_up = stage_of(job.status) != Stage::kWork;
  converge(job);
  const bool waits = job.status == Status::kWaiting || is_to_be_finalized(job);
  if (taken_up && waits && !job.flags.preparing) co_await attend(job);
  co_await wait_for_the_others(job);
  co_await wait_for_finalize(job);
  if (!job.is_open()) co_return;
  if (!job.flags.prepared) co_await prepare(job);
  if (!job.flags.prepared) co_return;
  const bool durable = co_await persist_surely(job);
  if (durable) job.life.outcome = Outcome::kSuccess;
}

// --- aborting, concluded, null ---

using EndCall = awaitable<void> (Driver::*)(Job&);

awaitable<void> call_at_end(JobState& job, EndCall call) {
  try {
    co_await (job.driver.get()->*call)(job.self);
  } catch (...) {
    if (job.error.empty()) job.error = text_of(std::current_exception());
  }
}

void announce_end(JobState& job) {
  job.leave_group();
  job.last_words = job.driver->describe();
  job.driver.reset();
  if (job.life.started) {
    job.publish_with_progress(job.flags.cancelled ? "BLOCK_JOB_CANCELLED" : "BLOCK_JOB_COMPLETED");
  }
  job.move(Status::kConcluded);
  if (job.options.auto_dismiss || !job.life.started) forget(job);
}

awaitable<void> conclude(JobState& job) {
  if (job.life.outcome == Outcome::kFailure) {
    if (job.flags.cancelled) job.error = "Operation canceled";
    break_group(job);
    job.move(Status::kAborting);
    co_await try_persist(job);
    co_await call_at_end(job, &Driver::abort);
  } else {
    co_await call_at_end(job, &Driver::commit);
  }
  co_await call_at_end(job, &Driver::clean);
  announce_end(job);
  co_await try_persist(job);
}

// --- all of it ---

awaitable<void> work_and_take_effect(JobState& job) {
  if (job.life.started && stage_of(job.status) == Stage::kWork) co_await work(job);
  if (job.is_open()) co_await take_effect(job);
}

awaitable<void> live(std::shared_ptr<JobState> kept) {
  JobState& job = *kept;
  co_await wait_while_obstructed(job);
  do {
    job.step = EffectStep::kNone;
    co_await work_and_take_effect(job);
  } while (goes_back(job));
  if (job.flags.cancelled && !job.life.exiting) job.life.outcome = Outcome::kFailure;
  if (job.life.outcome == Outcome::kOpen) {  // the daemon ends; all is kept
    give_up_for_exit(job);
    co_await call_at_end(job, &Driver::clean);
  } else {
    co_await conclude(job);
  }
  job.life.idle = true;
  job.changed.notify();
}

}  // namespace

void launch(JobState& job) {
  job.life.idle = false;
  std::shared_ptr<JobState> kept(job.self.shared_from_this(), &job);  // the job with it
  boost::asio::co_spawn(job.host.executor, live(std::move(kept)), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);  // nothing of ours throws out of live()
  });
}

void launch_if_created(JobState& job) {
  if (job.status == Status::kCreated && job.life.idle) launch(job);
}

void forget(JobState& job) {
  const std::shared_ptr<Job> self = job.self.shared_from_this();  // gone() may drop the last one
  job.move(Status::kNull);
  job.host.gone(job.self);
}

}  // namespace dmjob::core

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/job.h"

#include <cassert>
#include <limits>
#include <utility>

#include "libjob/core/job_run.h"
#include "libjob/core/job_state.h"
#include "libjob/core/registry.h"

namespace dmjob::core {

Job::Job(JobHost& host, JobOptions options, std::unique_ptr<Driver> driver, Group group)
    : state_(std::make_unique<JobState>(*this, host, std::move(options), std::move(driver),
                                        std::move(group))) {}

Job::~Job() = default;

std::shared_ptr<Job> Job::create(JobHost& host, JobOptions options, std::unique_ptr<Driver> driver,
                                 Group group) {
  if (const std::string wrong = check_job_id(options.id); !wrong.empty()) {
    throw Error("Job ID '" + options.id + "' " + wrong);
  }
  assert(driver);
  const std::shared_ptr<Job> job(
      new Job(host, std::move(options), std::move(driver), std::move(group)));
  JobState& state = *job->state_;
  state.type = state.driver->type();
  state.move(Status::kCreated);
  if (state.options.speed > std::numeric_limits<std::int64_t>::max()) {
    state.move(Status::kNull);
    throw Error("Parameter 'speed' expects a non-negative value");
  }
  state.driver->set_speed(state.options.speed);
  state.join_group();
  return job;
}

void Job::start() {
  assert(!state_->life.started && state_->life.idle);
  if (stage_of(state_->status) == Stage::kOver) return;
  state_->life.started = true;
  if (state_->status == Status::kCreated) state_->move(Status::kRunning);
  launch(*state_);
}

// --- for the driver ---

bool Job::must_return() const { return state_->must_return(); }
bool Job::cancelled() const { return state_->flags.cancelled; }
bool Job::exiting() const { return state_->life.exiting; }
bool Job::pause_requested() const { return state_->pause_requested(); }
bool Job::complete_requested() const { return state_->flags.complete; }
bool Job::soft_cancel_requested() const { return state_->flags.soft_cancel; }
bool Job::is_ready() const { return state_->flags.ready; }
Progress& Job::progress() { return state_->progress; }
const Progress& Job::progress() const { return state_->progress; }
JobHost& Job::host() { return state_->host; }

boost::asio::awaitable<void> Job::pause_point() {
  state_->reactor.check();
  while (pause_requested() && !must_return()) {
    state_->show_pause(true);
    co_await state_->kicked.wait();
  }
  if (!exiting()) state_->show_pause(false);
}

void Job::break_pause() {
  state_->take_back_pause();
  kick();
}

boost::asio::awaitable<void> Job::wait_kick(Duration limit) {
  state_->reactor.check();
  if (!state_->life.kick_pending) co_await state_->kicked.wait_for(limit);
  state_->life.kick_pending = false;
}

void Job::kick() { state_->kick(); }

void Job::set_ready() {
  if (is_ready() || must_return()) return;
  assert(may_move(status(), Status::kReady) && stage_of(status()) == Stage::kWork);
  state_->flags.ready = true;
  state_->move(Status::kReady);
  state_->publish_with_progress("BLOCK_JOB_READY");
  state_->host.persist_soon();
}

ErrorAction Job::io_error(OnError policy, bool is_read, std::error_code error) {
  state_->reactor.check();
  const ErrorAction action = decide(policy, error);
  state_->publish(
      "BLOCK_JOB_ERROR",
      {{"device", id()}, {"operation", is_read ? "read" : "write"}, {"action", to_string(action)}});
  if (action != ErrorAction::kStop) return action;
  state_->flags.user_paused = true;
  if (state_->io_status == IoStatus::kOk) {  // the first one is the one to tell
    const bool no_space = error == std::errc::no_space_on_device;
    state_->io_status = no_space ? IoStatus::kNoSpace : IoStatus::kFailed;
  }
  state_->host.persist_soon();
  return action;
}

// --- pauses that are not the user's ---

PauseHold::PauseHold(std::shared_ptr<Job> job) : job_(std::move(job)) {
  ++job_->state_->holds;
  job_->state_->wake();
}

PauseHold::~PauseHold() {
  --job_->state_->holds;
  job_->state_->wake();
}

}  // namespace dmjob::core

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/job.h"

#include <cassert>
#include <limits>
#include <utility>

#include "libjob/core/registry.h"

namespace dmjob::core {

Job::Job(JobHost& host, JobOptions options, std::unique_ptr<Driver> driver, Group group)
    : host_(host),
      options_(std::move(options)),
      driver_(std::move(driver)),
      transaction_(std::move(group)),
      changed_(host.executor),
      kicked_(host.executor) {}

Job::~Job() { transaction_->leave(*this); }

std::shared_ptr<Job> Job::create(JobHost& host, JobOptions options, std::unique_ptr<Driver> driver,
                                 Group group) {
  if (const std::string wrong = check_job_id(options.id); !wrong.empty()) {
    throw Error("Job ID '" + options.id + "' " + wrong);
  }
  assert(driver);
  const std::shared_ptr<Job> job(
      new Job(host, std::move(options), std::move(driver), std::move(group)));
  job->type_ = job->driver_->type();
  job->move(Status::kCreated);
  if (job->options_.speed > std::numeric_limits<std::int64_t>::max()) {
    job->move(Status::kNull);
    throw Error("Parameter 'speed' expects a non-negative value");
  }
  job->driver_->set_speed(job->options_.speed);
  job->transaction_->join(*job);
  return job;
}

void Job::check_thread() const { assert(std::this_thread::get_id() == reactor_); }

void Job::move(Status to) {
  check_thread();
  assert(may_move(status_, to));
  if (to == status_) return;  // aborting once more
  status_ = to;
  publish("JOB_STATUS_CHANGE", {{"id", id()}, {"status", to_string(to)}});
  changed_.notify();
}

void Job::admit(Verb verb) const {
  check_thread();
  if (may_apply(verb, status_)) return;
  throw Error("Job '" + id() + "' in state '" + std::string(to_string(status_)) +
              "' cannot accept command verb '" + std::string(to_string(verb)) + "'");
}

void Job::publish(const char* name, nlohmann::json data) {
  host_.events.publish(name, std::move(data));
}

void Job::publish_with_progress(const char* name) {
  const auto [offset, len] = progress_.get();
  nlohmann::json data = {{"type", type_},
                         {"device", id()},
                         {"len", len},
                         {"offset", offset},
                         {"speed", options_.speed}};
  if (!error_.empty() && !flags_.cancelled) data["error"] = error_;
  publish(name, std::move(data));
}

// --- for the driver ---

void Job::show_pause(bool paused) {
  const Status status = paused ? paused_form(status_) : unpaused_form(status_);
  if (status == status_) return;
  move(status);
  host_.persist_soon();
}

boost::asio::awaitable<void> Job::pause_point() {
  while (pause_requested() && !must_return()) {
    show_pause(true);
    co_await kicked_.wait();
  }
  if (!exiting_) show_pause(false);
}

void Job::break_pause() {
  take_back_pause();
  kick();
}

boost::asio::awaitable<void> Job::wait_kick(Duration limit) {
  if (!kick_pending_) co_await kicked_.wait_for(limit);
  kick_pending_ = false;
}

void Job::kick() {
  check_thread();
  kick_pending_ = true;
  kicked_.notify();
}

void Job::set_ready() {
  if (flags_.ready || must_return()) return;
  assert(may_move(status_, Status::kReady) && stage_of(status_) == Stage::kWork);
  flags_.ready = true;
  move(Status::kReady);
  publish_with_progress("BLOCK_JOB_READY");
  host_.persist_soon();
}

ErrorAction Job::io_error(OnError policy, bool is_read, std::error_code error) {
  const ErrorAction action = decide(policy, error);
  publish(
      "BLOCK_JOB_ERROR",
      {{"device", id()}, {"operation", is_read ? "read" : "write"}, {"action", to_string(action)}});
  if (action != ErrorAction::kStop) return action;
  flags_.user_paused = true;
  if (io_status_ == IoStatus::kOk) {  // the first one is the one to tell
    const bool no_space = error == std::errc::no_space_on_device;
    io_status_ = no_space ? IoStatus::kNoSpace : IoStatus::kFailed;
  }
  host_.persist_soon();
  return action;
}

// --- pauses that are not the user's ---

// A hold is for the work, not for the end: that may not be interrupted.
bool Job::pause_requested() const {
  if (flags_.cancelled) return false;
  return flags_.user_paused || (holds_ > 0 && stage_of(status_) == Stage::kWork);
}

PauseHold::PauseHold(std::shared_ptr<Job> job) : job_(std::move(job)) {
  ++job_->holds_;
  job_->wake();
}

PauseHold::~PauseHold() {
  --job_->holds_;
  job_->wake();
}

}  // namespace dmjob::core

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/job_state.h"

#include <cassert>
#include <utility>

namespace dmjob::core {

JobState::JobState(Job& job, JobHost& job_host, JobOptions job_options,
                   std::unique_ptr<Driver> job_driver, Job::Group group)
    : self(job),
      host(job_host),
      options(std::move(job_options)),
      driver(std::move(job_driver)),
      transaction(std::move(group)),
      changed(host.executor),
      kicked(host.executor) {}

// A hold is for the work, not for the end: that may not be interrupted.
bool JobState::pause_requested() const {
  if (flags.cancelled) return false;
  return flags.user_paused || (holds > 0 && stage_of(status) == Stage::kWork);
}

void JobState::move(Status to) {
  reactor.check();
  assert(may_move(status, to));
  if (to == status) return;  // aborting once more
  status = to;
  publish("JOB_STATUS_CHANGE", {{"id", id()}, {"status", to_string(to)}});
  changed.notify();
}

void JobState::admit(Verb verb) const {
  reactor.check();
  if (may_apply(verb, status)) return;
  throw Error("Job '" + id() + "' in state '" + std::string(to_string(status)) +
              "' cannot accept command verb '" + std::string(to_string(verb)) + "'");
}

void JobState::show_pause(bool paused) {
  const Status shown = paused ? paused_form(status) : unpaused_form(status);
  if (shown == status) return;
  move(shown);
  host.persist_soon();
}

void JobState::publish(const char* name, nlohmann::json data) {
  host.events.publish(name, std::move(data));
}

void JobState::publish_with_progress(const char* name) {
  const auto [offset, len] = progress.get();
  nlohmann::json data = {
      {"type", type}, {"device", id()}, {"len", len}, {"offset", offset}, {"speed", options.speed}};
  if (!error.empty() && !flags.cancelled) data["error"] = error;
  publish(name, std::move(data));
}

void JobState::kick() {
  reactor.check();
  life.kick_pending = true;
  kicked.notify();
}

void JobState::wake() {
  if (driver) driver->kick(self);
  kick();
  host.persist_soon();
}

void JobState::take_back_pause() {
  flags.user_paused = false;
  io_status = IoStatus::kOk;
}

}  // namespace dmjob::core

// SPDX-License-Identifier: LGPL-2.1-or-later
// What may be asked of a job. A verb leaves a flag and wakes the coroutine, which acts on it.
#include "libjob/core/job.h"
#include "libjob/core/job_run.h"
#include "libjob/core/job_state.h"

namespace dmjob::core {

void Job::cancel(bool force) {
  if (!force && state_->flags.user_paused) {
    throw Error("The block job '" + id() +
                "' is currently paused and can't be cancelled without force; resume it first");
  }
  state_->admit(Verb::kCancel);
  if (state_->flags.preparing) {
    throw Error("Job '" + id() + "' is just taking effect and can no longer be cancelled");
  }
  if (!force && is_ready_status(state_->status) && !state_->flags.cancelled) {
    state_->flags.soft_cancel = true;
    state_->flags.complete = false;
    state_->put_off.clear();
  } else {
    state_->flags.cancelled = true;
    if (state_->flags.user_paused) state_->take_back_pause();
  }
  state_->wake();
  launch_if_created(*state_);
}

void Job::pause() {
  state_->admit(Verb::kPause);
  if (state_->flags.user_paused) throw Error("Job '" + id() + "' is already paused");
  state_->flags.user_paused = true;
  state_->wake();
}

void Job::resume() {
  if (!state_->flags.user_paused) {
    throw Error("Job '" + id() + "' is not paused, so it can't be resumed");
  }
  state_->admit(Verb::kResume);
  state_->take_back_pause();
  state_->wake();
}

void Job::set_speed(std::int64_t bytes_per_second) {
  state_->admit(Verb::kSetSpeed);
  if (bytes_per_second < 0) throw Error("Parameter 'speed' expects a non-negative value");
  state_->options.speed = static_cast<std::uint64_t>(bytes_per_second);
  state_->driver->set_speed(state_->options.speed);
  state_->wake();
}

void Job::complete() {
  state_->admit(Verb::kComplete);
  if (state_->flags.cancelled || state_->flags.soft_cancel || !state_->driver->can_complete()) {
    throw Error("The active block job '" + id() + "' cannot be completed");
  }
  state_->driver->check_complete();
  state_->flags.complete = true;
  state_->put_off.clear();
  state_->wake();
}

void Job::dismiss() {
  const std::shared_ptr<Job> self = shared_from_this();  // gone() may drop the last one
  state_->admit(Verb::kDismiss);
  forget(*state_);
  state_->host.persist_soon();
}

void Job::stop_for_exit() {
  state_->life.exiting = true;
  if (state_->driver) state_->driver->kick(*this);
  kick();
}

}  // namespace dmjob::core

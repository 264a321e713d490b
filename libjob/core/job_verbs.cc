// SPDX-License-Identifier: LGPL-2.1-or-later
// What may be asked of a job. A verb leaves a flag and wakes the coroutine, which acts on it.
#include "libjob/core/job.h"

namespace dmjob::core {

// The request is told to the driver, the coroutine, and, a little later, the disk.
void Job::wake() {
  if (driver_) driver_->kick(*this);
  kick();
  host_.persist_soon();
}

void Job::take_back_pause() {
  flags_.user_paused = false;
  io_status_ = IoStatus::kOk;
}

void Job::cancel(bool force) {
  if (!force && flags_.user_paused) {
    throw Error("The block job '" + id() +
                "' is currently paused and can't be cancelled without force; resume it first");
  }
  admit(Verb::kCancel);
  if (flags_.preparing) {
    throw Error("Job '" + id() + "' is just taking effect and can no longer be cancelled");
  }
  if (!force && is_ready_status(status_) && !flags_.cancelled) {
    flags_.soft_cancel = true;
    flags_.complete = false;
    put_off_.clear();
  } else {
    flags_.cancelled = true;
    if (flags_.user_paused) take_back_pause();
  }
  wake();
  launch_if_created();
}

void Job::pause() {
  admit(Verb::kPause);
  if (flags_.user_paused) throw Error("Job '" + id() + "' is already paused");
  flags_.user_paused = true;
  wake();
}

void Job::resume() {
  if (!flags_.user_paused) {
    throw Error("Job '" + id() + "' is not paused, so it can't be resumed");
  }
  admit(Verb::kResume);
  take_back_pause();
  wake();
}

void Job::set_speed(std::int64_t bytes_per_second) {
  admit(Verb::kSetSpeed);
  if (bytes_per_second < 0) throw Error("Parameter 'speed' expects a non-negative value");
  options_.speed = static_cast<std::uint64_t>(bytes_per_second);
  driver_->set_speed(options_.speed);
  wake();
}

void Job::complete() {
  admit(Verb::kComplete);
  if (flags_.cancelled || flags_.soft_cancel || !driver_->can_complete()) {
    throw Error("The active block job '" + id() + "' cannot be completed");
  }
  driver_->check_complete();
  flags_.complete = true;
  put_off_.clear();
  wake();
}

void Job::dismiss() {
  admit(Verb::kDismiss);
  forget();
  host_.persist_soon();
}

void Job::stop_for_exit() {
  exiting_ = true;
  if (driver_) driver_->kick(*this);
  kick();
}

}  // namespace dmjob::core

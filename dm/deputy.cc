// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/deputy.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include "dm/error.h"
#include "dm/suspend_guard.h"

namespace dmjob::dm {

Deputy::Deputy(std::function<void()> function)
    : function_(std::move(function)), thread_([this] { live(); }) {}

Deputy::~Deputy() {
  {
    const threads::Lock lock(mutex_);
    if (state_ == State::kWaiting) state_ = State::kDismissed;
  }
  changed_.notify_all();
  thread_.join();
}

void Deputy::live() {
  const WindowMark mark;
  threads::Lock lock(mutex_);
  while (state_ == State::kWaiting) lock.wait(changed_);
  if (state_ == State::kDismissed) return;
  lock.unlock();
  std::exception_ptr error;
  try {
    function_();
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  error_ = error;
  state_ = State::kDone;
  changed_.notify_all();
}

void Deputy::run(std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  threads::Lock lock(mutex_);
  state_ = State::kRunning;
  changed_.notify_all();
  while (state_ != State::kDone && lock.wait_until(changed_, end)) continue;
  if (state_ != State::kDone)
    fail(ETIMEDOUT, "a disk that is read or written with a volume suspended");
  if (error_) std::rethrow_exception(error_);
}

}  // namespace dmjob::dm

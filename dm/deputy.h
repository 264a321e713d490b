// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is done with a device suspended, by another thread, so that I/O which hangs does not keep
// the device suspended:
//
//   make (starts the thread) -> suspend -> run(limit) -> resume -> destroy (waits for what hangs)
//
// Thread: one makes, runs and destroys it. What the function uses must be left alone until the
// deputy is destroyed, and outlive it. After ETIMEDOUT nothing that the function has found counts:
// the device may not have been suspended any more.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <thread>

#include "threads/mutex.h"

namespace dmjob::dm {

class Deputy {
 public:
  explicit Deputy(std::function<void()> function);
  ~Deputy();
  Deputy(const Deputy&) = delete;
  Deputy& operator=(const Deputy&) = delete;

  // Once. Allocates nothing. Throws ETIMEDOUT (std::system_error) if the function takes longer, and
  // what it throws.
  void run(std::chrono::milliseconds limit);

 private:
  enum class State { kWaiting, kRunning, kDone, kDismissed };
  void live();

  const std::function<void()> function_;
  threads::Mutex mutex_;
  std::condition_variable changed_;
  State state_ DMJOB_GUARDED_BY(mutex_) = State::kWaiting;
  std::exception_ptr error_ DMJOB_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Ends this thread's suspensions that take too long: the kernel lets a suspension that waits for
// I/O in flight be ended by a signal, with EINTR, and the device runs on. Every suspension has
// one (SuspendGuard); several volumes that are suspended together have a shorter one, since one
// whose disk hangs would hold all others. The shortest of several counts.
//
// It cannot end the freezing of a file system that waits for its disk.
// Thread: the one that suspends. Throws std::system_error if there is no timer to be had.
#pragma once

#include <chrono>
#include <ctime>

namespace dmjob::dm {

class SuspendLimit {
 public:
  // From now on; takes SIGRTMIN of this process, whose handler does nothing.
  explicit SuspendLimit(std::chrono::seconds limit);
  ~SuspendLimit();
  SuspendLimit(const SuspendLimit&) = delete;
  SuspendLimit& operator=(const SuspendLimit&) = delete;

 private:
  timer_t timer_{};
};

}  // namespace dmjob::dm

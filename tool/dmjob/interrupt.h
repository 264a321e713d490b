// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Ctrl-C during a wait ends the wait, not the program, so that it can say that the job goes on.
// Thread: the only one.
#pragma once

#include <poll.h>

#include <csignal>

namespace dmjob::cli {

// Ctrl-C was pressed in an InterruptScope.
struct Interrupted {};

// While it lives, Ctrl-C is taken by poll_interruptible() and nowhere else.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

 private:
  sigset_t old_mask_{};
  struct sigaction old_action_{};
};

// poll() on one descriptor or, with nullptr, just a sleep. Returns false after the time-out; throws
// Interrupted.
bool poll_interruptible(pollfd* descriptor, int milliseconds);

}  // namespace dmjob::cli

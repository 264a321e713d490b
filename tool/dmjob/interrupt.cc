// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/interrupt.h"

#include <poll.h>

#include <cerrno>
#include <ctime>
#include <system_error>

namespace dmjob::cli {
namespace {

volatile std::sig_atomic_t pressed = 0;
bool in_scope = false;

void note(int /*signal*/) { pressed = 1; }

sigset_t only_interrupt() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

// Blocked everywhere but inside ppoll(): no instant in which a signal could be missed.
InterruptScope::InterruptScope() {
  pressed = 0;
  in_scope = true;
  const sigset_t set = only_interrupt();
  sigprocmask(SIG_BLOCK, &set, &old_mask_);
  struct sigaction action{};
  action.sa_handler = note;
  sigaction(SIGINT, &action, &old_action_);
}

InterruptScope::~InterruptScope() {
  sigaction(SIGINT, &old_action_, nullptr);
  sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
  in_scope = false;
}

bool poll_interruptible(pollfd* descriptor, int milliseconds) {
  sigset_t mask;
  sigprocmask(SIG_SETMASK, nullptr, &mask);
  if (in_scope) sigdelset(&mask, SIGINT);
  const timespec limit{milliseconds / 1000, milliseconds % 1000 * 1000000L};
  const int ready = ppoll(descriptor, descriptor != nullptr ? 1 : 0, &limit, &mask);
  if (pressed != 0 && in_scope) throw Interrupted{};
  if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
  return ready > 0;
}

}  // namespace dmjob::cli

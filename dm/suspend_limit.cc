// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/suspend_limit.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

#include "dm/error.h"

namespace dmjob::dm {
namespace {

constexpr long kAgain = 100'000'000;  // ns: a signal just before the ioctl ends nothing

void take_signal() {
  struct sigaction action{};  // without SA_RESTART
  action.sa_handler = [](int) {};
  sigaction(SIGRTMIN, &action, nullptr);
  // A worker may have been started with all signals blocked.
  sigset_t own{};
  sigemptyset(&own);
  sigaddset(&own, SIGRTMIN);
  pthread_sigmask(SIG_UNBLOCK, &own, nullptr);
}

}  // namespace

SuspendLimit::SuspendLimit(std::chrono::seconds limit) {
  take_signal();
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGRTMIN;
  event._sigev_un._tid =
      static_cast<pid_t>(::syscall(SYS_gettid));  // glibc 2.36 has no name for it
  const itimerspec when{.it_interval = {.tv_sec = 0, .tv_nsec = kAgain},
                        .it_value = {.tv_sec = limit.count(), .tv_nsec = 0}};
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) fail(errno, "timer for a suspension");
  ::timer_settime(timer_, 0, &when, nullptr);
}

SuspendLimit::~SuspendLimit() { ::timer_delete(timer_); }

}  // namespace dmjob::dm

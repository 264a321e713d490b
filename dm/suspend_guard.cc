// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/suspend_guard.h"

#include <sys/prctl.h>

#include <system_error>
#include <utility>

namespace dmjob::dm {
namespace {

// Guards of this thread; a group's transaction holds several at a time.
thread_local int guards_of_thread = 0;

// Without CAP_SYS_RESOURCE it does nothing, and that is no reason to fail.
void enter_window() noexcept {
  if (guards_of_thread++ == 0) prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
}

void leave_window() noexcept {
  if (--guards_of_thread == 0) prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
}

bool try_resume(Control& control, const std::string& name) noexcept {
  try {
    control.resume(name);
    return true;
  } catch (...) {
    return false;
  }
}

void try_clear(Control& control, const std::string& name) noexcept {
  try {
    control.clear(name);
  } catch (...) {  // without an inactive table there is nothing to clear, and that is as well
  }
}

}  // namespace

SuspendGuard::SuspendGuard(Control& control, Ledger& ledger, std::string name, SuspendMode mode,
                           OnDeath on_death)
    : control_(control), ledger_(ledger), name_(std::move(name)) {
  ledger_.suspending(name_, on_death);
  enter_window();
  try {
    control_.suspend(name_, mode);
  } catch (...) {
    end();
    throw;
  }
  suspended_ = true;
}

SuspendGuard::~SuspendGuard() {
  if (!suspended_) return;
  try_clear(control_, name_);
  // A device that cannot be resumed stays in the ledger: whoever reads that tries again.
  if (try_resume(control_, name_) || try_resume(control_, name_)) {
    end();
  } else {
    leave_window();
  }
}

void SuspendGuard::on_death(OnDeath action) noexcept {
  if (suspended_) ledger_.suspending(name_, action);
}

void SuspendGuard::resume() {
  try {
    control_.resume(name_);
  } catch (const std::system_error&) {
    // The kernel dropped the new table and left the device suspended.
    if (try_resume(control_, name_)) {
      suspended_ = false;
      end();
    }
    throw;
  }
  suspended_ = false;
  end();
}

void SuspendGuard::end() noexcept {
  leave_window();
  ledger_.resumed(name_);
}

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/guardian_acts.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <ranges>
#include <system_error>
#include <thread>

#include "dm/topology/tracker_renewal.h"
#include "tool/dmjobd/tracker_logs.h"

namespace dmjob::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kTimeoutWithAll{7};
constexpr seconds kTimeoutWithOne{5};

void do_resume(dm::Control& control, const std::string& name, dm::Droppable droppable) {
  const auto device = control.find(name);
  if (!device || !device->suspended) return;
  if (device->inactive_table) dm::drop_inactive(control, name, droppable);
  control.resume(name);
}

void do_back_to_tracking(dm::Control& control, const std::string& name) {
  const auto device = control.find(name);
  if (!device || !device->inactive_table) return;
  if (!device->suspended) control.suspend(name, dm::SuspendMode::kNoFlush);
  control.resume(name);
}

// The same table does not help against a place that cannot be read: the kernel would begin anew,
// and fail there again.
void do_renew_tracker(dm::Control& control, const std::string& name) {
  const dm::Failing why = dm::why_failing(control, name);
  if (why == dm::Failing::kNot) return;
  const dm::Table table = control.table(name);
  if (!dm::is_tracker(table)) return;
  const auto with_free_log = with_a_free_log(control, name, table);
  if (!with_free_log && why == dm::Failing::kUnreadable) return;
  control.load(name, with_free_log.value_or(table));
  control.suspend(name, dm::SuspendMode::kNoFlush);
  try {
    dm::require_well_log(control, name);
  } catch (const std::system_error&) {
    control.clear(name);  // the old table says that marks are missing
    control.resume(name);
    throw;
  }
  control.resume(name);
}

}  // namespace

void GuardianActs::resume(const std::string& name, dm::Droppable droppable) {
  start(name, [=](dm::Control& control) { do_resume(control, name, droppable); });
}

void GuardianActs::back_to_tracking(const std::string& name) {
  start(name, [=](dm::Control& control) { do_back_to_tracking(control, name); });
}

void GuardianActs::renew_tracker(const std::string& name) {
  reap();
  if (is_at(name)) return;
  start(name, [=](dm::Control& control) { do_renew_tracker(control, name); });
}

bool GuardianActs::is_at(const std::string& name) const {
  return std::ranges::count(std::views::values(children_), name) != 0;
}

void GuardianActs::start(const std::string& name, const Act& act) {
  const pid_t child = fork_();
  if (child > 0) {
    children_[child] = name;
    return;
  }
  if (child == 0) close(lock_);
  const bool done = carry_out(name, act);
  if (child == 0) _exit(done ? 0 : 1);
}

bool GuardianActs::carry_out(const std::string& name, const Act& act) noexcept {
  const auto deadline = steady_clock::now() + kTimeoutWithOne;
  while (true) {
    try {
      act(*make_control_());
      return true;
    } catch (const std::exception& error) {
      if (steady_clock::now() >= deadline) {
        std::cerr << "dmjobd's guardian: " << name << " could not be given back (" << error.what()
                  << "): try 'dmsetup resume " << name << "'" << '\n'
                  << std::flush;
        return false;
      }
    }
    std::this_thread::sleep_for(milliseconds(50));
  }
}

void GuardianActs::reap() noexcept {
  for (pid_t ended = 0; (ended = waitpid(-1, nullptr, WNOHANG)) > 0;) children_.erase(ended);
}

void GuardianActs::wait() {
  const auto deadline = steady_clock::now() + kTimeoutWithAll;
  for (reap(); !children_.empty() && steady_clock::now() < deadline; reap())
    std::this_thread::sleep_for(milliseconds(5));
}

}  // namespace dmjob::daemon

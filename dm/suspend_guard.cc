// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/suspend_guard.h"

#include <sys/prctl.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "dm/error.h"
#include "dm/suspend_limit.h"

namespace dmjob::dm {
namespace {

constexpr std::chrono::seconds kTimeout(30);

// Guards of this thread; a group's transaction holds several at a time.
thread_local int guards_of_thread = 0;

// What little is allocated within, to parse a status, comes from this thread's heap as it is: its
// memory is locked (mlockall() of the program), and it does not have to grow. Freed memory of this
// size stays in the heap.
void have_memory_ready() noexcept {
  constexpr std::size_t kEnough = 64 << 10;
  void* volatile memory = std::malloc(kEnough);  // volatile: the pair would be optimized away
  std::free(memory);
}

// That it may fail is told at the start (check_io_flusher()), and is no reason to fail.
void enter_window() noexcept {
  if (guards_of_thread++ > 0) return;
  have_memory_ready();
  prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
}

void leave_window() noexcept {
  if (--guards_of_thread == 0) prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
}

template <typename Call>
bool succeeds(Call call) noexcept {
  try {
    call();
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace

WindowMark::WindowMark() noexcept { enter_window(); }

WindowMark::~WindowMark() { leave_window(); }

std::error_code check_io_flusher() noexcept {
  if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0) != 0) return {errno, std::generic_category()};
  prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
  return {};
}

SuspendGuard::SuspendGuard(Control& control, Ledger& ledger, const std::string& name,
                           SuspendMode mode, OnDeath on_death, Droppable droppable)
    : SuspendGuard(control, ledger, name, mode, on_death, control.table(name), droppable) {}

SuspendGuard::SuspendGuard(Control& control, Ledger& ledger, std::string name, SuspendMode mode,
                           OnDeath on_death, Table old_table, Droppable droppable)
    : control_(control),
      ledger_(ledger),
      name_(std::move(name)),
      old_table_(std::move(old_table)),
      on_death_(on_death),
      droppable_(droppable) {
  ledger_.suspending(name_, on_death_, droppable_);
  enter_window();
  try {
    const SuspendLimit limit(kTimeout);
    control_.suspend(name_, mode);
  } catch (const std::system_error& error) {
    end();
    if (error.code() != std::errc::interrupted) throw;
    fail(ETIMEDOUT, name_ + ", or a disk under it, does not come to rest");
  }
  suspended_ = true;
}

SuspendGuard::~SuspendGuard() {
  if (!suspended_) return;
  succeeds([this] { drop_inactive(control_, name_, droppable_); });
  // A device that cannot be resumed stays in the ledger: the guardian reads that and tries again.
  if (resume_somehow()) {
    end();
  } else {
    leave_window();
  }
}

void SuspendGuard::on_death(OnDeath action) noexcept {
  on_death_ = action;
  if (suspended_) ledger_.suspending(name_, on_death_, droppable_);
}

void SuspendGuard::will_load(const Table& table) noexcept {
  droppable_ = Droppable::only(table);
  if (suspended_) ledger_.suspending(name_, on_death_, droppable_);
}

void SuspendGuard::resume() {
  try {
    control_.resume(name_);
  } catch (const std::system_error&) {
    if (!resume_somehow()) throw;  // the destructor tries once more
    end();
    suspended_ = false;
    if (!control_.find(name_) || control_.table(name_) == old_table_) throw;
    return;  // at the second try the new table was good
  }
  end();
  suspended_ = false;
}

// Loading while suspended is against the rules, and the last resort.
bool SuspendGuard::resume_somehow() noexcept {
  const auto resume = [this] { control_.resume(name_); };
  return succeeds(resume) || succeeds([this] { resume_renamed(); }) ||
         (succeeds([this] { control_.load(name_, old_table_); }) && succeeds(resume));
}

// A program may give a device another name while we have it suspended (lvrename). That nothing is
// suspended with that table but this one is as good as certain.
void SuspendGuard::resume_renamed() {
  if (control_.find(name_)) fail(EEXIST, name_);
  for (const Device& entry : control_.list()) {
    const auto device = control_.find(entry.name);
    if (!device || !device->suspended || control_.table(entry.name) != old_table_) continue;
    return control_.resume(entry.name);
  }
  fail(ENXIO, name_);
}

void SuspendGuard::end() noexcept {
  leave_window();
  ledger_.resumed(name_);
}

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A suspended device is a scope.
//
//   ledger note -> suspend -> (direct I/O to scratch only) -> resume() -> ledger note gone
//
// Between construction and resume() there is no file-system access, no logging, no allocation, no
// wait for udev or for another process: the device may carry the root file system. If the scope is
// left without resume(), the destructor drops the inactive table and resumes the old one. A table
// of somebody else's is not dropped (droppable.h): with it the device is resumed.
// The thread is marked as one that I/O depends on (PR_SET_IO_FLUSHER) for as long: what the kernel
// allocates for its direct I/O then does not wait for dirty pages of the suspended device.
//
// Thread: the job's worker. One guard a device at a time.
#pragma once

#include <string>
#include <system_error>

#include "dm/control.h"
#include "dm/droppable.h"

namespace dmjob::dm {

// What must happen to a suspended device if this process dies before it resumes it.
enum class OnDeath {
  kOldTable,  // drop the inactive table, as far as it is ours, and resume
  kNewTable,  // resume, with the inactive table if there is one
};

// A place, outliving this process, where suspended devices are noted (tool/dmjobd/guardian.h).
// Calls must not allocate, lock against I/O or block: they are made with devices suspended.
class Ledger {
 public:
  virtual ~Ledger() = default;
  virtual void suspending(const std::string& name, OnDeath action,
                          Droppable droppable) noexcept = 0;
  // From now on `leader`'s kNewTable holds for `name` too, so that one store decides for several
  // suspended devices. Both are noted.
  virtual void follow(const std::string& name, const std::string& leader) noexcept = 0;
  virtual void resumed(const std::string& name) noexcept = 0;
  // While noted, the death of this process means: suspend the device without flush and resume it
  // with its inactive table, which is preloaded (a mirror goes back to tracking).
  virtual void watch_mirror(const std::string& name) noexcept = 0;
  virtual void forget_mirror(const std::string& name) noexcept = 0;
  // A wr under a volume, whatever it is at the time. While noted, and this process is gone, it is
  // looked after whenever it is a tracker (dm/topology/tracker_renewal.h).
  virtual void guard_tracker(const std::string& name) noexcept = 0;
  virtual void forget_tracker(const std::string& name) noexcept = 0;
};

// Whether threads of this process can be marked as ones that I/O depends on. EPERM without
// CAP_SYS_RESOURCE; suspensions then work, but for a thread that needs memory just when there is
// none. Thread: any that suspends nothing at the time.
std::error_code check_io_flusher() noexcept;

// Marks this thread so for as long, as a guard does for its own. Those of a thread may nest.
class WindowMark {
 public:
  WindowMark() noexcept;
  ~WindowMark();
  WindowMark(const WindowMark&) = delete;
  WindowMark& operator=(const WindowMark&) = delete;
};

class SuspendGuard {
 public:
  // Throws what Control::suspend and table throw, and ETIMEDOUT if the device does not come to rest
  // within 30 s: while it is waited for, its users wait, too. The device is then as before.
  SuspendGuard(Control& control, Ledger& ledger, const std::string& name, SuspendMode mode,
               OnDeath on_death, Droppable droppable = Droppable::any());
  // With the table that it has now. For one of several, since reading it while another device is
  // suspended would wait for libdevmapper's lock.
  SuspendGuard(Control& control, Ledger& ledger, std::string name, SuspendMode mode,
               OnDeath on_death, Table old_table, Droppable droppable = Droppable::any());
  ~SuspendGuard();
  SuspendGuard(const SuspendGuard&) = delete;
  SuspendGuard& operator=(const SuspendGuard&) = delete;

  // Changes what the ledger says. For a pivot: the old table until its commit record is durable,
  // the new one from then on.
  void on_death(OnDeath action) noexcept;
  // To be called before `table` is loaded with the device suspended: from now on it is what is
  // dropped, and nothing else.
  void will_load(const Table& table) noexcept;
  // Ledger::follow().
  void follow(const SuspendGuard& leader) noexcept { ledger_.follow(name_, leader.name_); }

  // Resumes with the inactive table, if one is loaded. If that fails, the device is resumed with
  // the old table and the error is thrown. (The kernel refuses a table in two ways: it drops the
  // new one and leaves the device suspended with the old one, or leaves it suspended with the new
  // one, whose target would not start. dm/README.md.)
  void resume();

 private:
  bool resume_somehow() noexcept;
  void resume_renamed();
  void end() noexcept;

  Control& control_;
  Ledger& ledger_;
  const std::string name_;
  const Table old_table_;
  bool suspended_ = false;
  OnDeath on_death_;
  Droppable droppable_;
};

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A disk that a job writes to, held by a hidden device over all of it: mkfs, mount and whoever asks
// for the disk alone are refused by the kernel, also while no daemon runs. All that the job itself
// writes goes through the device, so that the kernel's counts tell what others have written
// (libjob/io/write_account.h).
//
// The device is the part "tgt" of the job's inner devices; of a volume whose cow is in the tail of
// its target to come, "vdisk" (dm/topology/overlay_stack.h). An object keeps no state: what is held
// is read from the kernel each time.
//
// Thread: the job's worker; may block. Errors: std::system_error; EEXIST if a device has our name
// and another UUID.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "dm/control.h"
#include "dm/suspend_guard.h"
#include "dm/topology/copy_stack_devices.h"

namespace dmjob::dm {

class HeldDisk {
 public:
  // The names are of the job, or of the volume. Both references outlive this.
  HeldDisk(Control& control, Ledger& ledger, const std::string& job, const std::string& uuid,
           const char* part = kTargetPart);

  // Holds the disk, in the place of another one if that was held. EBUSY if it is in use.
  void take(dev_t disk, std::uint64_t sectors);
  // Lets the disk go, so that it can be removed; the device stays, and its I/O fails.
  void let_go();
  // Removes the device; idempotent. EBUSY while it is in use.
  void remove();

  // Calls `inside` while nothing goes through the device: what comes meanwhile waits. It neither
  // allocates nor does I/O. ETIMEDOUT if what is on its way does not end within 30 s.
  void at_rest(const std::function<void()>& inside);

  dev_t disk();    // which is held; 0 if none is
  dev_t device();  // the device over it, which stays while disks change; 0 if it is not there

 private:
  bool is_there();
  void change(const Table& table);

  Control& control_;
  Ledger& ledger_;
  const std::string name_;
  const std::string uuid_;
};

// The device that the first word of a table of one segment names; 0 if that names none.
dev_t first_device_of(const Table& table);
// The disk that a device of that table holds; 0 if it holds none.
dev_t held_by(const Table& table);

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which file systems are frozen with a device.
//
// A suspension that freezes (SuspendMode::kFreeze) freezes the file system on that very device. One
// that is above it, on a partition by kpartx, an LV or LUKS, is frozen by suspending the topmost
// device first, in the same way: nothing that has to be undone outlives us, since the guardian
// resumes what is suspended. What stands in between needs no suspension. A device that nobody has
// open needs none either. Mounts are of no concern for that: a file system in another mount
// namespace, or with ten bind mounts, is frozen as any other.
//
// Thread: a worker; may block. Errors: std::system_error.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "dm/control.h"
#include "dm/topology/table_switch.h"

namespace dmjob::dm {

struct Above {
  std::vector<Device> tops;  // what is to be frozen with the device
  // Kernel's or dm name of what cannot be, and why: "md0", "is no device-mapper device". What
  // stands on these is not looked at.
  std::map<dev_t, std::pair<std::string, std::string>> others;
};

// What stands on a device and is open, at the top.
Above look_above(Control& control, const std::string& device);

// One device of a suspension.
struct ToSuspend {
  std::string name;
  dev_t dev = 0;
  SuspendMode mode = SuspendMode::kFlush;
};

// The order in which devices are suspended: what is above those that are to be frozen, and what is
// to be switched. A file system comes before the disk of its journal, which nobody has mounted;
// whatever stands on another device before that. EBUSY if somebody else is changing one of those
// above.
std::vector<ToSuspend> suspension_of(Control& control, std::span<const TableSwitch> switches);

// File systems that somebody else has frozen. The kernel (6.1) refuses to freeze them once more and
// does not tell whether the other has come to the end of his freezing. So: refused, half a second
// later refused again, and not one write has passed since. What is suspended then, without
// freezing, is at rest as long as no write has passed, whatever the other does.
class FrozenElsewhere {
 public:
  explicit FrozenElsewhere(Control& control) : control_(control) {}

  // Nothing is suspended yet, or any more.
  void begin_again() { used_.clear(); }
  // Freezing the device was refused. True if it was before, and nothing was written since.
  bool is_at_rest(const ToSuspend& device);
  // All is suspended. False if one has been written to after all.
  bool all_at_rest();

 private:
  Control& control_;
  std::map<std::string, std::uint64_t> writes_;
  std::map<std::string, dev_t> used_;
};

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Flushes reach the disk. A dm device says "write back" if one of those under it did when its table
// went live, and never looks again; to a device that says "write through" the kernel passes no
// flush. So whatever stands on a volume that comes to live on a disk with a cache would swallow
// every fsync. Here all of them are made to say what is so, from the bottom up, by loading the
// table that they have once more.
//
// A device that says "write back" over disks without a cache is harmless and left alone. FUA is of
// no concern: the kernel turns what a device cannot do into a flush, where there is a cache at all.
//
// Thread: a worker that has the volume's modify slot; may block. Errors: std::system_error, and
// CannotFollow where that is said.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "dm/control.h"
#include "dm/suspend_guard.h"
#include "dm/topology/table_switch.h"

namespace dmjob::dm {

// One line: names the device that cannot be made to pass flushes, says why and what to do.
class CannotFollow : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The volume, what is under it and what stands on it, to the top: each that says "write through"
// over one that says "write back" is suspended for a moment, 2 s at most, and gets its table anew.
// Returns "", or as CannotFollow about the first of those that still swallow flushes.
std::string follow_write_cache(Control& control, Ledger& ledger, const std::string& volume);

// The same without a change: who says "write through" over a cache. Needs no slot: what another is
// changing just then may look so.
std::string who_swallows_flushes(Control& control, const std::string& volume);

// Whether what stands on the volume could follow it to a table `next`, beforehand. Throws
// CannotFollow.
void require_followers(Control& control, const std::string& volume, const Table& next);

// What must get its table anew in the very suspension in which the volume is given the table
// `next`, to be put before the volume's switch: no fsync is swallowed in between. Empty if nothing
// would. Throws CannotFollow; nothing is changed.
std::vector<TableSwitch> holders_to_follow(Control& control, const std::string& volume,
                                           const Table& next);

// The same for a volume whose switch is not switch_tables()'s: loaded at once, suspended before the
// volume, resumed after it. What is left suspended is resumed with the table that it had.
class FollowingHolders {
 public:
  FollowingHolders(Control& control, Ledger& ledger, std::vector<TableSwitch> holders);
  ~FollowingHolders();
  FollowingHolders(const FollowingHolders&) = delete;
  FollowingHolders& operator=(const FollowingHolders&) = delete;

  void suspend();
  void resume();

 private:
  void drop_loaded() noexcept;

  Control& control_;
  Ledger& ledger_;
  const std::vector<TableSwitch> holders_;
  std::vector<std::optional<SuspendGuard>> guards_;
};

}  // namespace dmjob::dm

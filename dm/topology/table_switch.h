// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The live tables of one device, or of several in one moment, are changed:
//
//   load all -> suspend all -> inside() -> resume all
//
// so that within the suspension there is nothing but the ioctls that switch, and `inside`, which
// may do direct I/O only.
//
// Thread: a job's worker; may block. Errors: std::system_error, and what `inside` throws; then all
// have their old tables again and no inactive one of ours.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "dm/control.h"
#include "dm/suspend_guard.h"

namespace dmjob::dm {

struct TableSwitch {
  std::string device;
  Table table;
  SuspendMode mode = SuspendMode::kFlush;
  // Of a volume, whose owner may load tables at any time: the one that it has. Empty for a device
  // that is ours alone.
  Table from = {};
};

// Several are suspended in the order given (a device before one that it stands on), but those with
// a mounted file system that is to be frozen first, since its journal may be on another; what
// stands on a device that is to be frozen is suspended and frozen, too (freezing.h). All are
// resumed the other way round; ETIMEDOUT is thrown if they do not come to rest within 5 s (those of
// one switch: 30 s): one that hangs is not to hold all others. A file system that somebody else has
// frozen counts as frozen; EBUSY if it is neither that nor can be, after some seconds, or if
// somebody else is changing one of those above. Should this process die, all have their old tables
// until `inside` has returned and all the new ones from then on. One exception: if at last the
// kernel does not take a table that it had loaded, the others have switched, and its error is
// thrown.
//
// Where `from` is given: EBUSY, and nothing is changed, if somebody else has loaded a table; nor is
// anything if, with all suspended, one no longer has the table `from`, or not ours loaded. What
// somebody loads in those moments becomes live, as it would with his own resume: TableReplaced,
// which in the very last moment comes when the others have switched.
void switch_tables(Control& control, Ledger& ledger, std::span<const TableSwitch> switches,
                   const std::function<void()>& inside);

// The device, which has the table `from`, is suspended, with its I/O ended, while `inside` is
// called, and goes on as it was. EBUSY if somebody has loaded a table for it; TableReplaced if it
// has another table once it is suspended; ETIMEDOUT, and it runs on, if its I/O does not come to
// rest within 2 s.
void hold_device(Control& control, Ledger& ledger, const std::string& device, const Table& from,
                 const std::function<void()>& inside);

// Throws EBUSY if a table is loaded for the device, since another program has loaded it.
void require_nothing_loaded(Control& control, const std::string& device);

// With the device suspended: throws TableReplaced if it has another table than `from`, or one is
// loaded for it.
void require_still(Control& control, const std::string& device, const Table& from);

}  // namespace dmjob::dm

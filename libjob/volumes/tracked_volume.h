// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A tracked volume after a boot or a restart of the daemon: it comes up with its tracker, or
// without it and with a reason, since a volume matters more than the chain of its backups.
//
// Thread: a worker; may block. Errors: as volumes::activate().
#pragma once

#include <string>

#include "dm/control.h"
#include "dm/suspend_guard.h"
#include "libjob/core/error.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::volumes {

// The volume's disk is there, its tracker's scratch is not, and it was to be waited for. Nothing
// has been done.
class ScratchIsLate : public core::Error {
 public:
  explicit ScratchIsLate(const ManagedVolume& volume);
};

enum class IfScratchIsLate { kWait, kBreakChain };

// Returns "" if the volume is active with each of its writes marked, or why its chain is broken;
// then something of its tracker may be left (end_tracking()).
// Precondition: the volume has a Tracking.
std::string activate_tracked(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume,
                             IfScratchIsLate if_late);

}  // namespace dmjob::volumes

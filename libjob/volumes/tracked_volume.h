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
#include "libjob/io/dirty_bitmap.h"
#include "libjob/volumes/volume.h"

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

// Throws core::Error if the volume's disk was changed by another system's doing, as far as the
// chain's sample tells. Before anybody has mounted the volume: what no mark names is then still
// what the last backup has. What is marked is copied by the next one, whoever has changed it.
// Precondition: the volume has a Tracking.
void require_as_sampled(const ManagedVolume& volume, const io::DirtyBitmap& marked);

}  // namespace dmjob::volumes

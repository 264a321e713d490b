// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What every driver works with. Owned by the program; outlives all jobs.
// Thread: the reactor hands it out; the members say their own threads.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <string>

#include "dm/control.h"
#include "dm/suspend_guard.h"
#include "libjob/core/clock.h"
#include "libjob/core/signal.h"
#include "libjob/core/volume_lock.h"
#include "libjob/drivers/plan/pivot_record.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::drivers {

struct Environment {
  boost::asio::any_io_executor executor;
  dm::Control* control = nullptr;  // null: this kernel has no device-mapper
  dm::Ledger& ledger;
  const core::Clock& clock;
  core::VolumeLocks& locks;
  core::Signal& dm_events;  // notified after any event of any dm device
  volumes::ManagedVolumes& volumes;
  std::string scratch_folder;     // configured; empty: none
  std::string state_folder;       // of the state file: offline copies keep their checkpoints there
  std::string memory_folder;      // on a tmpfs: scratch that a reboot loses
  PivotRecord* pivots = nullptr;  // null: no pivot can be decided
};

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Makes the device of a managed volume and notes in the volume what has come of it.
//
// Thread: the reactor; what blocks runs on a worker of its own a call. Precondition of all: the
// volume's modify slot is held.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "libjob/core/event.h"
#include "libjob/core/registry.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/volumes/tracked_volume.h"
#include "tool/dmjobd/late_volumes.h"
#include "tool/dmjobd/state_keeper.h"
#include "tool/dmjobd/trackers.h"

namespace dmjob::daemon {

class VolumeActivator {
 public:
  // All arguments outlive this.
  VolumeActivator(drivers::Environment& environment, core::Registry& registry,
                  core::EventBus& events, StateKeeper& keeper, Trackers& trackers);

  struct Attempt {
    std::string error;  // "": the volume is active
    bool scratch_is_late = false;
    bool absent = false;  // the kernel does not have it
  };
  // Throws nothing but what the state file is in the way of.
  boost::asio::awaitable<Attempt> attempt(volumes::ManagedVolume volume,
                                          volumes::IfScratchIsLate if_late);
  // At the start, and again while that fails. What fails is logged and shown.
  boost::asio::awaitable<LateVolumes::Outcome> activate(volumes::ManagedVolume volume,
                                                        volumes::IfScratchIsLate if_late);

 private:
  boost::asio::awaitable<bool> is_absent(std::string name);
  boost::asio::awaitable<void> resolve_pivot(volumes::ManagedVolume volume);
  boost::asio::awaitable<void> rename_disk(volumes::ManagedVolume volume);

  drivers::Environment& environment_;
  core::Registry& registry_;
  core::EventBus& events_;
  StateKeeper& keeper_;
  Trackers& trackers_;
};

}  // namespace dmjob::daemon

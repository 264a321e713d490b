// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The managed volumes as clients see them: they come, are changed, go and are told about. Owns what
// looks after them: their activation, overlays, trackers and write caches.
//
//   VolumeService  begin  watch  (commands)  stop  until idle
//
// Thread: the reactor; what blocks runs on a worker of its own a call. Errors: core::Error, one
// line for the user. The commands are those of Daemon.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "libjob/core/event.h"
#include "libjob/core/registry.h"
#include "libjob/drivers/overlay/overlay_check.h"
#include "libjob/drivers/plan/environment.h"
#include "tool/dmjobd/flush_watch.h"
#include "tool/dmjobd/late_volumes.h"
#include "tool/dmjobd/names.h"
#include "tool/dmjobd/overlays.h"
#include "tool/dmjobd/state_keeper.h"
#include "tool/dmjobd/taken_table.h"
#include "tool/dmjobd/trackers.h"
#include "tool/dmjobd/volume_activator.h"
#include "tool/dmjobd/wanted.h"

namespace dmjob::daemon {

class VolumeService {
 public:
  // All arguments outlive this.
  VolumeService(drivers::Environment& environment, core::Registry& registry, core::EventBus& events,
                StateKeeper& keeper, TakenTable& taken, Names& names);
  VolumeService(const VolumeService&) = delete;
  VolumeService& operator=(const VolumeService&) = delete;

  // The volumes are to be activated, by watch(); without device-mapper none can be. Before any job
  // is started.
  void begin();
  // Activates the volumes, each beside the others, and looks after them until stop(). Returns at
  // once. Precondition: there is a device-mapper.
  void watch();
  void stop();
  bool idle() const;
  LateVolumes& late() { return late_; }

  boost::asio::awaitable<void> attach(std::string name, std::string device, Wanted wanted);
  boost::asio::awaitable<std::string> detach(std::string name, bool force, Wanted wanted);
  boost::asio::awaitable<void> overlay(drivers::OverlayRequest request, Wanted wanted);
  boost::asio::awaitable<void> snapshot(drivers::OverlayRequest request, Wanted wanted);
  boost::asio::awaitable<void> rollback(std::string name, Wanted wanted) {
    return overlays_.rollback(std::move(name), std::move(wanted));
  }
  boost::asio::awaitable<void> untrack(std::string name, Wanted wanted) {
    return trackers_.untrack(std::move(name), std::move(wanted));
  }
  boost::asio::awaitable<std::string> release(std::string device);
  nlohmann::json query_volumes() const;
  boost::asio::awaitable<nlohmann::json> query_not_frozen(std::string device);

 private:
  boost::asio::awaitable<void> forget(std::string name);
  nlohmann::json describe(const volumes::ManagedVolume& volume) const;

  drivers::Environment& environment_;
  core::Registry& registry_;
  core::EventBus& events_;
  StateKeeper& keeper_;
  TakenTable& taken_;
  Names& names_;
  Overlays overlays_;
  Trackers trackers_;
  FlushWatch flushes_;
  VolumeActivator activator_;
  LateVolumes late_;
};

}  // namespace dmjob::daemon

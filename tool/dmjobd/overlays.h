// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon's side of volumes that hold what is written to them: making and ending them, and the
// watch, which gives them room before they are full and says so where there is none.
//
// Thread: the reactor; what blocks runs on workers. Errors: core::Error, one line for the user.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "libjob/core/event.h"
#include "libjob/core/registry.h"
#include "libjob/drivers/overlay/overlay_check.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/volumes/overlay_device.h"
#include "tool/dmjobd/state_keeper.h"
#include "tool/dmjobd/taken_table.h"
#include "tool/dmjobd/volume_watch.h"
#include "tool/dmjobd/wanted.h"

namespace dmjob::daemon {

class Overlays {
 public:
  // All arguments outlive this.
  Overlays(drivers::Environment& environment, core::Registry& registry, core::EventBus& events,
           StateKeeper& keeper, TakenTable& taken);

  boost::asio::awaitable<void> overlay(drivers::OverlayRequest request, Wanted wanted);
  boost::asio::awaitable<void> snapshot(drivers::OverlayRequest request, Wanted wanted);
  boost::asio::awaitable<void> rollback(std::string name, Wanted wanted);

  // Looks after all volumes until stop().
  boost::asio::awaitable<void> watch() { return watch_.run(); }
  void stop() { watch_.stop(); }
  bool idle() const { return watch_.idle(); }

  // The member "overlay" of query-volumes, for a volume that has one.
  nlohmann::json describe(const volumes::ManagedVolume& volume) const;
  // Takes the scratch away of a volume whose device is gone, before it is forgotten. Should that
  // fail, the volume comes up again.
  boost::asio::awaitable<void> throw_away(volumes::ManagedVolume volume);
  // What is lost by that, for people.
  std::string loss(const volumes::ManagedVolume& volume) const;

 private:
  // What the watch knows of a volume.
  struct Watched : WatchedVolume {
    bool told = false;  // that its writes wait
    bool replaced_is_stored = false;
    std::string scratch_fault;  // volumes::fault_of_scratch_file()
    volumes::OverlayDevice::Room room;
    core::TimePoint next_try;
  };
  boost::asio::awaitable<void> begin(drivers::CheckedOverlay checked, std::string what);
  boost::asio::awaitable<void> put_back(volumes::ManagedVolume volume);
  boost::asio::awaitable<void> discard(volumes::ManagedVolume volume);
  boost::asio::awaitable<void> note_discarding(volumes::ManagedVolume volume);
  VolumeWatch<Watched>::Duty duty();
  // nullptr: it has no overlay any more.
  const volumes::ManagedVolume* find(const std::string& name) const;
  boost::asio::awaitable<Poll> poll(std::string name, Watched& watched);
  boost::asio::awaitable<Poll> try_poll(std::string name, Watched& watched);
  boost::asio::awaitable<void> read_state(const volumes::ManagedVolume& volume, Watched& watched);
  boost::asio::awaitable<void> read_state_alone(std::string name, Watched& watched);
  boost::asio::awaitable<void> note_replaced(volumes::ManagedVolume volume, Watched& watched);
  boost::asio::awaitable<Poll> give_room(volumes::ManagedVolume volume, Watched& watched);
  boost::asio::awaitable<void> act(std::string name, Watched& watched);
  static std::string way_out(const volumes::ManagedVolume& volume);
  void tell(const volumes::ManagedVolume& volume, Watched& watched);
  void tell_fault(const volumes::ManagedVolume& volume, Watched& watched, std::string fault);

  drivers::Environment& environment_;
  core::Registry& registry_;
  core::EventBus& events_;
  StateKeeper& keeper_;
  TakenTable& taken_;
  VolumeWatch<Watched> watch_;
};

}  // namespace dmjob::daemon

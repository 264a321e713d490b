// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon's side of volumes that have a chain of incremental backups: their trackers after a
// start, the watch, and the end of a chain. A chain begins with a backup
// (drivers/backup/backup_chain.h).
//
// The watch looks each second: after a write error of its disk a tracker refuses later writes until
// it has another log; one whose log has failed misses marks, so its chain is broken and it is taken
// away, once no job stands on it.
//
// Thread: the reactor; what blocks runs on workers. Errors: core::Error, one line for the user.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "libjob/core/event.h"
#include "libjob/core/registry.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/volumes/tracked_volume.h"
#include "libjob/volumes/tracker.h"
#include "tool/dmjobd/state_keeper.h"
#include "tool/dmjobd/volume_watch.h"
#include "tool/dmjobd/wanted.h"

namespace dmjob::daemon {

class Trackers {
 public:
  // All arguments outlive this.
  Trackers(drivers::Environment& environment, core::Registry& registry, core::EventBus& events,
           StateKeeper& keeper);

  // At the start, of a volume with a Tracking: makes it, with its tracker if that can be.
  boost::asio::awaitable<void> activate(volumes::ManagedVolume volume,
                                        volumes::IfScratchIsLate if_late);
  boost::asio::awaitable<void> untrack(std::string name, Wanted wanted);

  // Looks after all volumes until stop().
  boost::asio::awaitable<void> watch() { return watch_.run(); }
  void stop() { watch_.stop(); }
  bool idle() const { return watch_.idle(); }

  // The member "tracking" of query-volumes, for a volume that has one.
  nlohmann::json describe(const volumes::ManagedVolume& volume) const;

 private:
  // What the watch knows of a volume.
  struct Watched : WatchedVolume {
    bool ended = false;                    // nothing is left of a broken chain's tracker
    std::optional<std::uint64_t> changed;  // bytes, when it was counted
    core::TimePoint next_count;
    core::TimePoint next_end;  // when the end of a broken chain's tracker is tried again
    std::string chain;         // whose stack this is:
    std::unique_ptr<dm::CopyStack> stack;
  };
  // What a worker has found and done; the reactor tells it.
  struct Repaired {
    std::string failure;  // why the tracker cannot go on; "": it does
    bool has_new_log = false;
  };
  VolumeWatch<Watched>::Duty duty();
  boost::asio::awaitable<Poll> poll(std::string name, Watched& watched);
  boost::asio::awaitable<void> check(volumes::ManagedVolume volume, Watched& watched);
  boost::asio::awaitable<void> repair(std::string name, Watched& watched);
  Repaired set_up_anew(const volumes::ManagedVolume& volume, bool begins);
  boost::asio::awaitable<void> count(std::string name, Watched& watched);
  boost::asio::awaitable<void> remove_tracker(std::string name, Watched& watched);
  boost::asio::awaitable<void> break_chain(std::string name, std::string why);
  boost::asio::awaitable<void> note_broken(std::string name, std::string why);
  const volumes::ManagedVolume* tracked(const std::string& name) const;

  drivers::Environment& environment_;
  core::Registry& registry_;
  core::EventBus& events_;
  StateKeeper& keeper_;
  VolumeWatch<Watched> watch_;
};

}  // namespace dmjob::daemon

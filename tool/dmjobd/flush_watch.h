// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The watch over what stands on managed volumes: a device that says "write through" over a disk
// with a write cache swallows every flush (dm/topology/write_cache.h). That comes about when a
// disk's cache is switched on under a live volume, or was left so by an earlier dmjobd; and each
// end of a job is looked at once more by it. What swallows is made to follow; what cannot is told:
// in the log, by an event, and by query-volumes, until it is repaired.
//
// Thread: the reactor; what blocks runs on workers.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "libjob/core/event.h"
#include "libjob/drivers/plan/environment.h"
#include "tool/dmjobd/volume_watch.h"

namespace dmjob::daemon {

class FlushWatch {
 public:
  // All arguments outlive this.
  FlushWatch(drivers::Environment& environment, core::EventBus& events);

  // Looks after all volumes until stop().
  boost::asio::awaitable<void> watch() { return watch_.run(); }
  void stop() { watch_.stop(); }
  bool idle() const { return watch_.idle(); }

  // What swallows flushes of the volume, and what to do, in one line; "" if no layer is known to.
  std::string fault(const std::string& volume) const;

 private:
  VolumeWatch<WatchedVolume>::Duty duty();
  boost::asio::awaitable<Poll> poll(std::string name, WatchedVolume& watched);
  boost::asio::awaitable<std::string> repair(std::string name, WatchedVolume& watched);

  drivers::Environment& environment_;
  core::EventBus& events_;
  VolumeWatch<WatchedVolume> watch_;
};

}  // namespace dmjob::daemon

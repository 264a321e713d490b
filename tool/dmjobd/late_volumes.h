// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Activates the volumes when the daemon starts, each beside the others, and those again whose disks
// are late at a boot. A look a second, which opens nothing, tells whether one of their paths leads
// to something else than before; then, and every half minute, activation is tried, alone on the
// volume and with all its checks. The second is for causes that no look shows: a disk that somebody
// else held.
//
// Not by events of the kernel: a scratch may be a file, and a mount raises none; nor does the link
// in /dev/disk that a volume is known by, which udev makes later.
//
// Thread: the reactor; what blocks runs on workers, one a volume.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libjob/core/registry.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/volumes/tracked_volume.h"
#include "tool/dmjobd/volume_watch.h"

namespace dmjob::daemon {

class LateVolumes {
 public:
  // What has come of a try. One that failed is noted in the volume.
  enum class Outcome { kActive, kNotActive, kScratchIsLate };
  using Activate = std::function<boost::asio::awaitable<Outcome>(volumes::ManagedVolume,
                                                                 volumes::IfScratchIsLate)>;
  // activate: called with the volume's modify slot held. All arguments outlive this.
  LateVolumes(drivers::Environment& environment, Activate activate);

  // All volumes are to be activated, by watch(). Before any job is started.
  void begin();
  // Returns when each has been tried, or half a minute after begin(): then the names of the others.
  boost::asio::awaitable<std::vector<std::string>> all_tried();
  boost::asio::awaitable<void> watch() { return watch_.run(); }
  void stop() { watch_.stop(); }
  bool idle() const { return watch_.idle(); }

  // Why a job that was taken up cannot go on yet, "" if it can: its volume is not there, or
  // activation is under way, be it of another that the job may use. One that is there, although a
  // disk of it is away, has jobs to take care of it.
  std::string obstacle(const core::Job& job) const;

 private:
  struct Watched : WatchedVolume {
    std::string signature;     // of its disks, at the last try
    core::TimePoint next_try;  // whatever is seen
    std::optional<core::TimePoint> scratch_deadline;
  };
  VolumeWatch<Watched>::Duty duty();
  boost::asio::awaitable<Poll> poll(std::string name, Watched& watched);
  boost::asio::awaitable<void> try_it(std::string name, Watched& watched);
  std::vector<std::string> untried() const;

  drivers::Environment& environment_;
  const Activate activate_;
  VolumeWatch<Watched> watch_;
  core::TimePoint deadline_;  // after it nobody waits for volumes that are still untried
  core::Signal tried_;
};

}  // namespace dmjob::daemon

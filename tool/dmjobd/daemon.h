// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the commands of the socket act on: jobs, volumes, events. A seam: the server's tests use a
// fake, main() the SystemDaemon.
// Thread: the reactor. Errors: core::Error, one line for the user; also if it is no longer wanted
// before anything has begun. Queries do not wait.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libjob/core/event.h"
#include "libjob/core/registry.h"
#include "libjob/drivers/job_kinds.h"
#include "libjob/drivers/overlay/overlay_check.h"
#include "tool/dmjobd/wanted.h"

namespace dmjob::daemon {

class Daemon {
 public:
  virtual ~Daemon() = default;

  virtual core::Registry& registry() = 0;
  virtual core::EventBus& events() = 0;

  // Checks everything, makes and starts the jobs, all or none; returns their ids. `grouped`: they
  // take effect together or not at all, too. If it throws, those that were made already end without
  // having been started.
  virtual boost::asio::awaitable<std::vector<std::string>> start_jobs(
      std::vector<drivers::JobRequest> requests, bool grouped, Wanted wanted) = 0;

  // A managed volume NAME over the disk at `device`, active at once and after each boot.
  virtual boost::asio::awaitable<void> attach(std::string name, std::string device,
                                              Wanted wanted) = 0;
  // force: one that holds what is written to it ends, too, and that is lost. Returns what was lost,
  // for people; "" if nothing.
  virtual boost::asio::awaitable<std::string> detach(std::string name, bool force,
                                                     Wanted wanted) = 0;
  // A managed volume over a disk that is only read; what is written to it goes to scratch.
  virtual boost::asio::awaitable<void> overlay(drivers::OverlayRequest request, Wanted wanted) = 0;
  // From this instant on what is written to the volume goes to scratch; rollback throws that away.
  virtual boost::asio::awaitable<void> snapshot(drivers::OverlayRequest request, Wanted wanted) = 0;
  virtual boost::asio::awaitable<void> rollback(std::string name, Wanted wanted) = 0;
  // Ends its chain of incremental backups.
  virtual boost::asio::awaitable<void> untrack(std::string name, Wanted wanted) = 0;
  // Writes down what has been done so far. Returns why that cannot be, or not soon; "" if it is.
  virtual boost::asio::awaitable<std::string> remember() = 0;
  // An old disk is hidden no more. Returns the name of the volume whose contents it holds.
  virtual boost::asio::awaitable<std::string> release(std::string device) = 0;
  // [{"device", "volume", "role", "until-reboot"?}]: the disks that are hidden from others.
  virtual nlohmann::json query_hidden_disks() = 0;
  // Lines of fstab and the like that lead elsewhere than to a volume, or may at a boot: texts.
  virtual boost::asio::awaitable<nlohmann::json> query_boot_warnings() = 0;
  // What is mounted above a volume, or the device at a path, and is not frozen with it: texts.
  virtual boost::asio::awaitable<nlohmann::json> query_not_frozen(std::string device) = 0;
  // [{"name", "device", "size", "managed", "active", "activating"?, "job"?, "error"?, "overlay"?,
  // "tracking"?}], by name.
  virtual nlohmann::json query_volumes() = 0;
};

}  // namespace dmjob::daemon

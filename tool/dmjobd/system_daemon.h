// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon behind the socket, on this system's disks: makes its parts, starts and stops them.
//
//   SystemDaemon  load  begin  co_await start  (commands)  co_await stop
//
// Thread: the reactor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dm/control.h"
#include "libjob/drivers/plan/environment.h"
#include "tool/dmjobd/config.h"
#include "tool/dmjobd/daemon.h"
#include "tool/dmjobd/dm_events.h"
#include "tool/dmjobd/job_starter.h"
#include "tool/dmjobd/names.h"
#include "tool/dmjobd/revoked_pivots.h"
#include "tool/dmjobd/state_store.h"
#include "tool/dmjobd/taken_table.h"
#include "tool/dmjobd/volume_service.h"

namespace dmjob::daemon {

class SystemDaemon : public Daemon {
 public:
  // control: null if this kernel has no device-mapper. Takes the state folder's lock: throws
  // std::system_error if another daemon has it. All arguments outlive this.
  SystemDaemon(boost::asio::any_io_executor executor, const Config& config, dm::Control* control,
               dm::Ledger& ledger);

  // Reads the state file. Throws store::StateDamaged: nothing may be touched then.
  void load() { jobs_.restore(store_.load()); }
  // Starts the jobs of the state file, which then wait for their volumes. Before any client is
  // served.
  boost::asio::awaitable<void> begin();
  // Activates the volumes, each beside the others. What fails is logged and shown, and stops nobody
  // else. Returns when all have been tried; one whose disk hangs is not waited for.
  boost::asio::awaitable<void> start();
  // Brings every job to a point from which the next start goes on. False if one hangs.
  boost::asio::awaitable<bool> stop();

  core::Registry& registry() override { return registry_; }
  core::EventBus& events() override { return events_; }
  boost::asio::awaitable<std::vector<std::string>> start_jobs(
      std::vector<drivers::JobRequest> requests, bool grouped, Wanted wanted) override {
    return jobs_.start_jobs(std::move(requests), grouped, std::move(wanted));
  }
  boost::asio::awaitable<void> attach(std::string name, std::string device,
                                      Wanted wanted) override {
    return service_.attach(std::move(name), std::move(device), std::move(wanted));
  }
  boost::asio::awaitable<std::string> detach(std::string name, bool force, Wanted wanted) override {
    return service_.detach(std::move(name), force, std::move(wanted));
  }
  boost::asio::awaitable<void> overlay(drivers::OverlayRequest request, Wanted wanted) override {
    return service_.overlay(std::move(request), std::move(wanted));
  }
  boost::asio::awaitable<void> snapshot(drivers::OverlayRequest request, Wanted wanted) override {
    return service_.snapshot(std::move(request), std::move(wanted));
  }
  boost::asio::awaitable<void> rollback(std::string name, Wanted wanted) override {
    return service_.rollback(std::move(name), std::move(wanted));
  }
  boost::asio::awaitable<void> untrack(std::string name, Wanted wanted) override {
    return service_.untrack(std::move(name), std::move(wanted));
  }
  boost::asio::awaitable<std::string> remember() override { return store_.remember(); }
  boost::asio::awaitable<std::string> release(std::string device) override {
    return service_.release(std::move(device));
  }
  nlohmann::json query_volumes() override { return service_.query_volumes(); }
  nlohmann::json query_hidden_disks() override { return names_.describe(); }
  boost::asio::awaitable<nlohmann::json> query_boot_warnings() override {
    return names_.boot_warnings();
  }
  boost::asio::awaitable<nlohmann::json> query_not_frozen(std::string device) override {
    return service_.query_not_frozen(std::move(device));
  }

 private:
  boost::asio::awaitable<void> make_room();
  bool all_idle() const;

  core::SystemClock clock_;
  core::EventBus events_;
  core::Signal dm_signal_;
  core::VolumeLocks locks_;
  volumes::ManagedVolumes volumes_;
  RevokedPivots pivots_;
  drivers::Environment environment_;
  TakenTable taken_;
  Names names_;
  StateStore store_;
  VolumeService service_;
  JobStarter jobs_;
  core::Registry registry_;  // its jobs and their drivers refer to all above
  std::optional<DmEvents> dm_events_;
};

}  // namespace dmjob::daemon

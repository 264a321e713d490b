// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon behind the socket: managed volumes, jobs, and the state file that outlives both.
//
//   LiveDaemon  load  co_await start  (commands)  co_await stop
//
// Thread: the reactor; what blocks runs on workers of its own a call.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "dm/control.h"
#include "libjob/drivers/job_kinds.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/store/state_file.h"
#include "tool/dmjobd/config.h"
#include "tool/dmjobd/daemon.h"
#include "tool/dmjobd/dm_events.h"
#include "tool/dmjobd/flush_watch.h"
#include "tool/dmjobd/late_volumes.h"
#include "tool/dmjobd/names.h"
#include "tool/dmjobd/overlays.h"
#include "tool/dmjobd/revoked_pivots.h"
#include "tool/dmjobd/state_keeper.h"
#include "tool/dmjobd/taken_table.h"
#include "tool/dmjobd/trackers.h"

namespace dmjob::daemon {

class LiveDaemon : public Daemon {
 public:
  // control: null if this kernel has no device-mapper. Takes the state folder's lock: throws
  // std::system_error if another daemon has it. All arguments outlive this.
  LiveDaemon(boost::asio::any_io_executor executor, const Config& config, dm::Control* control,
             dm::Ledger& ledger);

  // Reads the state file. Throws store::StateDamaged: nothing may be touched then.
  void load();
  // Takes the jobs up again, which then wait for their volumes. Before any client is served.
  boost::asio::awaitable<void> begin();
  // Activates the volumes, each beside the others. What fails is logged and shown, and stops nobody
  // else. Returns when all have been tried; one whose disk hangs is not waited for.
  boost::asio::awaitable<void> start();
  // Brings every job to a point from which the next start goes on. False if one hangs.
  boost::asio::awaitable<bool> stop();

  core::Registry& registry() override { return registry_; }
  core::EventBus& events() override { return events_; }
  boost::asio::awaitable<std::vector<std::string>> start_jobs(
      std::vector<drivers::JobRequest> requests, bool grouped, Wanted wanted) override;
  boost::asio::awaitable<void> attach(std::string name, std::string device, Wanted wanted) override;
  boost::asio::awaitable<std::string> detach(std::string name, bool force, Wanted wanted) override;
  boost::asio::awaitable<void> overlay(drivers::OverlayRequest request, Wanted wanted) override;
  boost::asio::awaitable<void> snapshot(drivers::OverlayRequest request, Wanted wanted) override;
  boost::asio::awaitable<void> rollback(std::string name, Wanted wanted) override {
    return overlays_.rollback(std::move(name), std::move(wanted));
  }
  boost::asio::awaitable<void> untrack(std::string name, Wanted wanted) override {
    return trackers_.untrack(std::move(name), std::move(wanted));
  }
  boost::asio::awaitable<std::string> remember() override;
  boost::asio::awaitable<std::string> release(std::string device) override;
  nlohmann::json query_volumes() override;
  nlohmann::json query_hidden_disks() override { return names_.describe(); }
  boost::asio::awaitable<nlohmann::json> query_boot_warnings() override {
    return names_.boot_warnings();
  }
  boost::asio::awaitable<nlohmann::json> query_not_frozen(std::string device) override;

 private:
  // A transaction on both sides of the contract between jobs and drivers.
  struct Group {
    core::Job::Group jobs;
    drivers::DriverGroupPtr drivers;
  };
  std::string compose();  // JSON
  void take_up(const nlohmann::json& content);
  void take_up_job(const nlohmann::json& record, const Group& group);
  using Jobs = std::vector<std::shared_ptr<core::Job>>;
  void start_again(Jobs jobs);
  static void cancel_again(core::Job& job);
  struct Attempt {
    std::string error;  // "": the volume is active
    bool scratch_is_late = false;
    bool absent = false;  // the kernel does not have it
  };
  boost::asio::awaitable<Attempt> try_activate(volumes::ManagedVolume volume,
                                               volumes::IfScratchIsLate if_late);
  boost::asio::awaitable<bool> is_absent(std::string name);
  boost::asio::awaitable<LateVolumes::Outcome> activate_volume(volumes::ManagedVolume volume,
                                                               volumes::IfScratchIsLate if_late);
  boost::asio::awaitable<void> settle_pivot(volumes::ManagedVolume volume);
  boost::asio::awaitable<void> rename_disk(volumes::ManagedVolume volume);
  boost::asio::awaitable<void> report_strangers();
  boost::asio::awaitable<void> make_room();
  bool is_known(const std::string& inner_name) const;
  boost::asio::awaitable<void> forget_volume(std::string name);
  drivers::CheckContext check_context() const;
  static Group make_group(std::string id);
  boost::asio::awaitable<void> make_jobs(std::vector<drivers::JobRequest> requests, bool grouped,
                                         const Wanted& wanted, Jobs& made);
  // On a worker. others: of the same transaction.
  static drivers::CheckedJob check_job(const drivers::JobRequest& request,
                                       const drivers::CheckContext& context,
                                       const std::vector<drivers::Footprint>& others, bool grouped);
  // Takes what is checked, without waiting.
  std::shared_ptr<core::Job> make_job(const drivers::JobSettings& settings,
                                      drivers::CheckedJob checked, const Group& group);
  dm::Control& control_or_refuse() const;
  void publish_change(const std::string& name, const char* change, const std::string& device);
  bool all_idle() const;

  boost::asio::any_io_executor executor_;
  const Config& config_;
  dm::Control* control_;
  store::StateFile file_;
  RevokedPivots pivots_;
  core::SystemClock clock_;
  core::EventBus events_;
  core::Signal dm_signal_;
  core::VolumeLocks locks_;
  volumes::ManagedVolumes volumes_;
  drivers::Environment environment_;
  StateKeeper keeper_;
  core::JobHost host_;
  core::Registry registry_;
  TakenTable taken_;
  Names names_;
  Overlays overlays_;
  Trackers trackers_;
  FlushWatch flushes_;
  LateVolumes late_;
  nlohmann::json quarantine_ = nlohmann::json::array();  // records that could not be read
  std::set<std::string> broken_groups_;                  // transactions with a record in there
  std::optional<DmEvents> dm_events_;
};

}  // namespace dmjob::daemon

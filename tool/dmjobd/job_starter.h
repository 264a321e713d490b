// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Makes jobs: of requests, once they are checked, and at a start of the records of the state file.
//
//   JobStarter  restore  start_restored  (start_jobs)
//
// Thread: the reactor; requests are checked on a worker each. Errors: core::Error, one line for the
// user.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "libjob/core/event.h"
#include "libjob/core/registry.h"
#include "libjob/drivers/job_kinds.h"
#include "libjob/drivers/plan/environment.h"
#include "tool/dmjobd/late_volumes.h"
#include "tool/dmjobd/state_store.h"
#include "tool/dmjobd/taken_table.h"
#include "tool/dmjobd/wanted.h"

namespace dmjob::daemon {

class JobStarter {
 public:
  // All arguments outlive this; this outlives every job that it makes.
  JobStarter(drivers::Environment& environment, core::EventBus& events, core::Registry& registry,
             StateStore& store, TakenTable& taken, LateVolumes& late);
  JobStarter(const JobStarter&) = delete;
  JobStarter& operator=(const JobStarter&) = delete;

  // records: of StateStore::load(). One that cannot be read is set aside, and loses no other.
  void restore(const nlohmann::json& records);
  // They wait for their volumes. Before any client is served.
  void start_restored();
  // As Daemon::start_jobs().
  boost::asio::awaitable<std::vector<std::string>> start_jobs(
      std::vector<drivers::JobRequest> requests, bool grouped, Wanted wanted);

 private:
  // A transaction on both sides of the contract between jobs and drivers.
  struct Group {
    core::Job::Group jobs;
    drivers::DriverGroupPtr drivers;
  };
  using Jobs = std::vector<std::shared_ptr<core::Job>>;
  static Group make_group(std::string id);
  void restore_job(const nlohmann::json& record, const Group& group);
  static void cancel_restored(core::Job& job);
  boost::asio::awaitable<void> make_jobs(std::vector<drivers::JobRequest> requests, bool grouped,
                                         const Wanted& wanted, Jobs& made);
  // On a worker. others: of the same transaction.
  static drivers::CheckedJob check_job(const drivers::JobRequest& request,
                                       const drivers::CheckContext& context,
                                       const std::vector<drivers::Footprint>& others, bool grouped);
  // Takes what is checked, without waiting.
  std::shared_ptr<core::Job> make_job(const drivers::JobSettings& settings,
                                      drivers::CheckedJob checked, const Group& group);

  drivers::Environment& environment_;
  core::Registry& registry_;
  StateStore& store_;
  TakenTable& taken_;
  LateVolumes& late_;
  core::JobHost host_;
  std::set<std::string> broken_groups_;  // transactions of which a record was set aside
};

}  // namespace dmjob::daemon

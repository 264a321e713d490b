// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a job that copies works with: its plan, its worker, and the controls of its loop.
// Thread: the reactor; what blocks runs on the worker.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <utility>

#include "libjob/core/job.h"
#include "libjob/core/worker.h"
#include "libjob/drivers/base/volume_step.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/drivers/transfer/error_map_file.h"
#include "libjob/io/copy_control.h"

namespace dmjob::drivers {

struct JobContext {
  // environment: outlives this.
  JobContext(Environment& its_environment, CopyPlan its_plan, std::string id, bool is_resumed);
  JobContext(const JobContext&) = delete;
  JobContext& operator=(const JobContext&) = delete;

  // On the worker, alone on the volume. `what`: "hand over".
  template <typename Step>
  auto step(const std::string& what, Step function) {
    return run_step(environment.locks, worker, plan.volume, what + " of job '" + job_id + "'",
                    std::move(function));
  }
  // On the worker. Returns "" or why it could not be done.
  boost::asio::awaitable<std::string> attempt(std::function<void()> function);
  // On the worker, and of a live job alone on the volume: takes devices of ours away. Something may
  // have one open for a moment (a probe, a scan): a few more tries. Returns "" or what is left.
  boost::asio::awaitable<std::string> take_away(std::string what, std::function<void()> function);
  // What is mounted above `volume`, its name by now, and is not frozen with it: into the plan.
  boost::asio::awaitable<void> find_not_frozen(std::string volume);
  // On the worker, when the copy is closed: the map is on disk then, or its fault() tells why
  // not.
  void finish_map();

  Environment& environment;
  CopyPlan plan;  // changed on the reactor only, which reads it for the record
  const std::string job_id;
  const bool resumed;  // taken up from an earlier process
  io::CopyControl control;
  ErrorMapFile error_map;
  core::Worker worker;  // last: its thread uses what is above
};

// Makes the records of all jobs durable. Returns "" or why that is not possible.
boost::asio::awaitable<std::string> try_persist(core::Job& job);

}  // namespace dmjob::drivers

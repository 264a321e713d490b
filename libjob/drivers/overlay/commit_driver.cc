// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/overlay/commit_driver.h"

#include <utility>

#include "libjob/core/error.h"

namespace dmjob::drivers {

using boost::asio::awaitable;

nlohmann::json CommitPlan::record() const {
  return {{"volume", volume}, {"disk", disk}, {"on-error", core::to_string(on_error)}};
}

CommitPlan CommitPlan::restore(const nlohmann::json& record) {
  return {record.at("volume"), record.at("disk"),
          core::restore_on_error(record.at("on-error").get<std::string>())};
}

CommitDriver::CommitDriver(Environment& environment, CommitPlan plan, const std::string& job_id)
    : plan_(std::move(plan)), merge_(environment, worker_, plan_.volume, job_id, plan_.on_error) {
  if (!environment.control) throw core::Error("this kernel has no device-mapper");
}

// In standby, too, the volume merges, with nothing to merge: what is written goes to the disk.
awaitable<void> CommitDriver::run(core::Job& job) {
  constexpr core::Duration kPoll = std::chrono::seconds(1);
  const bool merged = co_await merge_.run(job, std::nullopt);
  if (!merged) co_return;
  job.set_ready();
  while (!job.must_return() && !job.complete_requested() && !job.soft_cancel_requested()) {
    co_await job.pause_point();
    if (!job.pause_requested()) co_await job.wait_kick(kPoll);
  }
}

// A new daemon comes here without run(): after a boot something may be left to merge.
awaitable<void> CommitDriver::prepare(core::Job& job) {
  if (merge_.volume()) co_await merge_.run_to_end(job, std::nullopt);
}

awaitable<void> CommitDriver::commit(core::Job& job) {
  if (job.soft_cancel_requested())
    co_await merge_.keep(job);
  else
    co_await merge_.finish(job);
}

awaitable<void> CommitDriver::abort(core::Job& job) {
  if (merge_.volume()) co_await merge_.keep(job);
}

awaitable<void> CommitDriver::clean(core::Job& /*job*/) { co_return; }

nlohmann::json CommitDriver::describe() const {
  nlohmann::json about{{"phase", merge_.phase()},
                       {"volume", plan_.volume},
                       {"target", plan_.disk},
                       {"on-error", core::to_string(plan_.on_error)}};
  if (const auto* volume = merge_.volume())
    about["scratch"] = volume->overlay->cow.place.describe();
  return about;
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/system_daemon.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "tool/dmjobd/log.h"
#include "tool/dmjobd/strange_devices.h"

namespace dmjob::daemon {

using boost::asio::awaitable;

SystemDaemon::SystemDaemon(boost::asio::any_io_executor executor, const Config& config,
                           dm::Control* control, dm::Ledger& ledger)
    : dm_signal_(executor),
      locks_(executor, clock_),
      pivots_(config.state_folder),
      environment_{.executor = executor,
                   .control = control,
                   .ledger = ledger,
                   .clock = clock_,
                   .locks = locks_,
                   .dm_events = dm_signal_,
                   .volumes = volumes_,
                   .scratch_folder = config.scratch_folder,
                   .state_folder = config.state_folder,
                   .memory_folder = config.memory_folder,
                   .pivots = &pivots_},
      taken_(registry_, environment_),
      names_(config.rules_folder, volumes_, taken_),
      store_(executor, config.state_folder, events_, registry_, volumes_, names_, pivots_),
      service_(environment_, registry_, events_, store_.keeper(), taken_, names_),
      jobs_(environment_, events_, registry_, store_, taken_, service_.late()) {}

awaitable<void> SystemDaemon::begin() {
  co_await names_.begin();
  service_.begin();
  jobs_.start_restored();
}

awaitable<void> SystemDaemon::start() {
  if (!environment_.control) co_return;
  dm_events_.emplace(environment_.executor, dm_signal_);
  boost::asio::co_spawn(environment_.executor, dm_events_->run(), boost::asio::detached);
  service_.watch();
  const std::vector<std::string> untried = co_await service_.late().all_tried();
  for (const std::string& name : untried)
    log_error("volume '" + name + "' is not active: its disk does not answer; it is waited for");
  for (const auto& job : registry_.jobs()) job->kick();
  co_await report_strange_devices(*environment_.control, registry_, volumes_);
  co_await make_room();
}

// For the record of revoked pivots, while there is some: a job that is ready is to be completed on
// a full file system, too.
awaitable<void> SystemDaemon::make_room() {
  std::string failed;
  try {
    co_await pivots_.reserve(1);
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) log_warning(failed + "; until it can be, no volume is pivoted");
}

bool SystemDaemon::all_idle() const {
  return service_.idle() &&
         std::ranges::all_of(registry_.jobs(), [](const auto& job) { return job->idle(); });
}

awaitable<bool> SystemDaemon::stop() {
  std::vector<std::shared_ptr<core::Job>> jobs = registry_.jobs();
  for (const auto& job : jobs) job->stop_for_exit();
  service_.stop();
  constexpr core::Duration kTimeout = std::chrono::seconds(20);
  constexpr core::Duration kPoll = std::chrono::milliseconds(50);
  const core::TimePoint deadline = clock_.now() + kTimeout;
  core::Signal never(environment_.executor);
  while (!all_idle() && clock_.now() < deadline) co_await never.wait_for(kPoll);
  if (dm_events_) dm_events_->stop();
  if (all_idle()) events_.close();
  try {
    co_await store_.keeper().persist();
  } catch (const std::exception& error) {
    log_error(error.what());
  }
  co_return all_idle();
}

}  // namespace dmjob::daemon

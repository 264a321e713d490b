// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/error.h"
#include "tool/dmjobd/commands.h"
#include "tool/dmjobd/handlers.h"

namespace dmjob::daemon {

using nlohmann::json;

Answer query_version(Daemon& /*daemon*/, Arguments /*arguments*/) { co_return version(); }

Answer query_commands(Daemon& /*daemon*/, Arguments /*arguments*/) {
  json names = json::array();
  for (const Command& command : commands()) names.push_back({{"name", command.name}});
  co_return names;
}

Answer query_jobs(Daemon& daemon, Arguments /*arguments*/) {
  json found = json::array();
  for (const auto& job : daemon.registry().jobs()) found.push_back(job->query_job());
  co_return found;
}

Answer query_block_jobs(Daemon& daemon, Arguments /*arguments*/) {
  json found = json::array();
  for (const auto& job : daemon.registry().jobs()) found.push_back(job->query_block_job());
  co_return found;
}

Answer query_job_history(Daemon& daemon, Arguments /*arguments*/) {
  json found = json::array();
  for (const json& outcome : daemon.registry().history()) found.push_back(outcome);
  co_return found;
}

Answer query_volumes(Daemon& daemon, Arguments /*arguments*/) { co_return daemon.query_volumes(); }

Answer query_events(Daemon& daemon, Arguments arguments) {
  json found = json::array();
  for (const core::Event& event : daemon.events().since(arguments.size("since"))) {
    found.push_back(event.to_json());
  }
  co_return found;
}

Answer negotiate_again(Daemon& /*daemon*/, Arguments /*arguments*/) {
  throw core::Error("Capabilities are negotiated already", core::ErrorClass::kCommandNotFound);
  co_return json();
}

}  // namespace dmjob::daemon

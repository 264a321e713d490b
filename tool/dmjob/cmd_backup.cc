// SPDX-License-Identifier: LGPL-2.1-or-later
#include <utility>
#include <vector>

#include "tool/dmjob/change.h"
#include "tool/dmjob/start_job.h"
#include "tool/dmjob/transfer.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

using Pair = std::pair<std::string, std::string>;

std::vector<Pair> pairs_of(const Call& call) {
  std::vector<Pair> pairs{{call.text("SOURCE"), call.text("TARGET")}};
  const std::vector<std::string> more = call.more();
  if (more.size() % 2 != 0)
    throw CliError(kExitUsage, "TARGET is missing: '" + more.back() + "' is a source without one");
  for (std::size_t i = 0; i < more.size(); i += 2) pairs.emplace_back(more[i], more[i + 1]);
  return pairs;
}

void check(const Call& call, const std::vector<Pair>& pairs) {
  check_waits(call);
  if (call.flag("track") && call.flag("incremental"))
    throw CliError(kExitUsage, "--track makes a full backup: it does not go with --incremental");
  if (pairs.size() == 1) return;
  for (const char* option : {"id", "error-map"}) {
    if (call.has(option))
      throw CliError(kExitUsage,
                     std::string("--") + option + " is for one backup, not for several");
  }
}

json backup_arguments(const Call& call, const std::string& source, const std::string& target) {
  json arguments = transfer_arguments(call, source, target);
  if (call.flag("incremental")) arguments["sync"] = "incremental";
  if (call.flag("track")) arguments["x-track"] = true;
  return arguments;
}

// Several succeed all or none.
void start(const Call& call, Client& client, const std::vector<json>& backups) try {
  if (backups.size() == 1) {
    change(call.console(), client, "blockdev-backup", backups.front());
    return;
  }
  json actions = json::array();
  for (const json& backup : backups)
    actions.push_back({{"type", "blockdev-backup"}, {"data", backup}});
  change(call.console(), client, "transaction",
         {{"actions", actions}, {"properties", {{"completion-mode", "grouped"}}}});
} catch (const CommandError& error) {
  throw hint_at_file(error, call.text("SOURCE"));
}

void print_ids(const Call& call, const std::vector<std::string>& ids) {
  if (!call.console().json()) {
    for (const std::string& id : ids) call.console().print_line(id);
    return;
  }
  json list = json::array();
  for (const std::string& id : ids) list.push_back({{"id", id}});
  call.console().print_json(list.size() == 1 ? list.front() : list);
}

// What a sample alone has told the daemon, before anybody relies on it.
void tell_what_is_not_proven(const Call& call, Client& client, const std::string& id) {
  const json jobs = client.query_block_job(id);
  const json* job = find_job(jobs, id);
  const json history = job ? json::array() : client.execute("query-job-history");
  if (!job) job = find_job(history, id);
  const std::string what = job ? text_of(*job, "not-proven") : "";
  if (!what.empty()) call.console().remark(id + ": " + what);
}

}  // namespace

void add_backup_options(po::options_description& options) {
  add_transfer_options(options);
  options.add_options()(
      "track", po::bool_switch(),
      "from now on keep track of what changes, for --incremental to the same target")(
      "incremental", po::bool_switch(),
      "copy only what has changed since the last backup to this target");
  add_wait_option(options, "wait until it has ended, or all have");
}

int backup(const Call& call) {
  const std::vector<Pair> pairs = pairs_of(call);
  check(call, pairs);
  std::vector<json> backups;
  backups.reserve(pairs.size());
  for (const auto& [source, target] : pairs)
    backups.push_back(backup_arguments(call, source, target));
  const Deadline deadline = call.deadline();
  Client client(call.socket());
  for (const json& backup : backups) warn_about_freezing(call, client, backup["device"]);
  start(call, client, backups);
  std::vector<std::string> ids;
  ids.reserve(backups.size());
  for (const json& backup : backups) ids.push_back(id_of_started(client, backup));
  if (!call.console().json() || !call.flag("wait")) print_ids(call, ids);
  if (call.flag("incremental"))
    for (const std::string& id : ids) tell_what_is_not_proven(call, client, id);
  if (!call.flag("wait")) return kExitDone;
  WaitPlan plan;
  plan.goal = Goal::kEnd;
  plan.deadline = deadline;
  report_outcomes(call, wait_for_jobs(call, client, ids, plan));
  return kExitDone;
}

}  // namespace dmjob::cli

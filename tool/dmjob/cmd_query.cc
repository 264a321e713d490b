// SPDX-License-Identifier: LGPL-2.1-or-later
#include <chrono>

#include "tool/dmjob/commands.h"
#include "tool/dmjob/info.h"
#include "tool/dmjob/interrupt.h"
#include "tool/dmjob/print.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

constexpr auto kReconnectLimit = std::chrono::seconds(30);

// Null: not a volume, or not known.
json volume_of(const json& volumes, const std::string& name) {
  for (const json& volume : volumes) {
    if (text_of(volume, "name") == name) return volume;
  }
  return nullptr;
}

JobContext context_of(Client& client, const json& job, bool gone) {
  JobContext context;
  context.gone = gone;
  const json volume = volume_of(client.ask_if_known("query-volumes"), text_of(job, "volume"));
  if (volume.is_object()) {
    context.managed = flag_of(volume, "managed");
    const json overlay = volume.value("overlay", json::object());
    context.held = flag_of(overlay, "held");
    context.scratch_fault = text_of(overlay, "scratch-fault");
  }
  context.events = client.ask_if_known("query-events", {{"since", 0}});
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  context.now = std::chrono::duration_cast<std::chrono::seconds>(now).count();
  return context;
}

// The job's volume: what it has left, say, and how to get rid of that.
json hidden_disks(Client& client, const json& job) {
  json disks = json::array();
  const std::string volume = text_of(job, "volume");
  for (const json& disk : client.ask_if_known("query-hidden-disks"))
    if (!volume.empty() && text_of(disk, "volume") == volume) disks.push_back(disk);
  return disks;
}

// Prints those with a higher number than `last`, and returns the highest.
std::uint64_t print_event(const Call& call, const json& event, std::uint64_t last) {
  const std::uint64_t number = number_of(event, "number");
  if (number <= last) return last;
  call.console().print_json_line(event);
  return number;
}

std::uint64_t print_kept_events(const Call& call, Client& client, std::uint64_t last) {
  const json kept = client.execute("query-events", {{"since", last}});
  for (const json& event : kept) last = print_event(call, event, last);
  return last;
}

// Asked for after the connection has negotiated, so what comes twice has a number that was seen.
void follow_events(const Call& call, Client& client) {
  std::uint64_t last = 0;
  for (;;) {
    try {
      last = print_kept_events(call, client, last);
      for (;;) {
        if (const auto event = client.next_event(Deadline::max()))
          last = print_event(call, *event, last);
      }
    } catch (const Disconnected&) {
      client.reconnect(Clock::now() + kReconnectLimit);
    }
  }
}

}  // namespace

void add_list_options(po::options_description& options) {
  options.add_options()("all", po::bool_switch(), "the last 100 that ended, too");
}

int list(const Call& call) {
  Client client(call.socket());
  json jobs = client.execute("query-block-jobs");
  json gone = call.flag("all") ? client.execute("query-job-history") : json::array();
  if (call.console().json()) {
    jobs.insert(jobs.end(), gone.begin(), gone.end());
    call.console().print_json(jobs);
  } else {
    call.console().out() << jobs_table(jobs, gone);
  }
  return kExitDone;
}

int info(const Call& call) {
  Client client(call.socket());
  const std::string id = call.text("ID");
  const json jobs = client.query_block_job(id);
  const json* job = find_job(jobs, id);
  const bool gone = job == nullptr;
  const json history = gone ? client.ask_if_known("query-job-history") : json::array();
  if (gone) job = find_job(history, id);
  if (job == nullptr)
    throw CliError(kExitFailed, "there is no job '" + id + "'; `dmjob list --all` shows all");
  if (call.console().json()) {
    call.console().print_json(*job);
  } else {
    call.console().out() << job_info(*job, context_of(client, *job, gone))
                         << hidden_table(hidden_disks(client, *job));
  }
  return kExitDone;
}

void add_events_options(po::options_description& options) {
  options.add_options()("follow", po::bool_switch(), "go on with those to come, until Ctrl-C");
}

int events(const Call& call) {
  Client client(call.socket());
  if (!call.flag("follow")) {
    print_kept_events(call, client, 0);
    return kExitDone;
  }
  const InterruptScope interrupt;
  try {
    follow_events(call, client);
  } catch (const Interrupted&) {
  }
  return kExitDone;
}

}  // namespace dmjob::cli

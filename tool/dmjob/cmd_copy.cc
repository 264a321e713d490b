// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <array>
#include <filesystem>

#include "tool/dmjob/commands.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

bool waits(const Call& call) {
  return call.flag("wait") || call.flag("pivot") || call.flag("finish");
}

void check(const Call& call) {
  if (call.flag("pivot") && call.flag("finish")) {
    throw CliError(kExitUsage,
                   "--pivot switches to the target and --finish does not; give one of them");
  }
  if (call.has("timeout") && !waits(call)) {
    throw CliError(kExitUsage, "--timeout has no meaning without --wait, --pivot or --finish");
  }
}

std::string policy(const Call& call, const char* option) {
  constexpr std::array kPolicies = {"report", "ignore", "stop", "enospc"};
  const std::string given = call.text(option);
  if (std::ranges::find(kPolicies, given) != kPolicies.end()) return given;
  throw CliError(kExitUsage, std::string("--") + option + ": '" + given +
                                 "' is not one of report, ignore, stop, enospc");
}

// What has a slash is a path, all else a volume's name.
std::string source_of(const Call& call) {
  const std::string source = call.text("SOURCE");
  return source.find('/') == std::string::npos ? source : call.absolute_path("SOURCE");
}

json arguments_of(const Call& call) {
  json arguments{
      {"device", source_of(call)}, {"target", call.absolute_path("TARGET")}, {"sync", "full"}};
  if (call.has("id")) arguments["job-id"] = call.text("id");
  if (call.has("speed")) arguments["speed"] = call.size("speed");
  if (call.has("granularity")) arguments["granularity"] = call.size("granularity");
  if (call.has("scratch")) arguments["scratch"] = call.absolute_path("scratch");
  for (const char* option : {"on-source-error", "on-target-error"}) {
    if (call.has(option)) arguments[option] = policy(call, option);
  }
  if (call.has("error-map")) arguments["error-map"] = call.absolute_path("error-map");
  if (call.flag("manual-finalize")) arguments["auto-finalize"] = false;
  if (call.flag("manual-dismiss")) arguments["auto-dismiss"] = false;
  if (call.flag("force")) arguments["force"] = true;
  if (call.flag("pivot")) arguments["pivot"] = true;
  return arguments;
}

// What the daemon called the job if it does not say so, as QEMU does not: the newest on that
// target, which may have ended already.
std::string id_of_started(Client& client, const json& arguments) {
  if (arguments.contains("job-id")) return arguments["job-id"];
  for (const char* list : {"query-block-jobs", "query-job-history"}) {
    const json jobs = client.execute(list);
    for (const json& job : jobs) {
      if (text_of(job, "target") == text_of(arguments, "target")) return text_of(job, "device");
    }
  }
  return arguments["device"];
}

std::string start(const Call& call, Client& client, const json& arguments) try {
  const std::string id = text_of(client.execute("blockdev-mirror", arguments), "id");
  return id.empty() ? id_of_started(client, arguments) : id;
} catch (const CommandError& error) {
  const std::string source = call.text("SOURCE");
  std::error_code ignored;
  if (source.find('/') != std::string::npos || !std::filesystem::exists(source, ignored)) throw;
  throw CommandError(
      error.error_class(),
      std::string(error.what()) + " (for the file of that name write ./" + source + ")");
}

WaitPlan plan_of(const Call& call, const std::string& id, Deadline deadline) {
  WaitPlan plan;
  plan.deadline = deadline;
  if (call.flag("pivot")) {
    plan.at_ready = "job-complete";
    plan.arguments = {{"id", id}};
  } else if (call.flag("finish")) {
    plan.at_ready = "block-job-cancel";
    plan.arguments = {{"device", id}, {"force", false}};
  }
  plan.goal = plan.at_ready.empty() ? Goal::kReady : Goal::kEnd;
  return plan;
}

// An offline copy has no ready phase: there is nothing to switch.
void check_pivot(const Call& call, const Outcome& outcome) {
  if (!call.flag("pivot") || outcome.ending != Ending::kDone || outcome.was_ready) return;
  throw CliError(kExitFailed, "the copy is done and complete, but nothing was switched: " +
                                  call.text("SOURCE") + " is not a volume in use");
}

}  // namespace

void add_copy_options(po::options_description& options) {
  const auto text = [](const char* word) { return po::value<std::string>()->value_name(word); };
  options.add_options()("id", text("ID"), "the job's id; by default the volume's name")(
      "speed", text("RATE"), "bytes per second at most, for instance 50M; 0: no limit")(
      "scratch", text("PATH"), "a device or file for what the running job has to note")(
      "granularity", text("SIZE"), "bytes that are copied again when one of them is written")(
      "on-source-error", text("POLICY"), "report (default), ignore, stop or enospc")(
      "on-target-error", text("POLICY"), "the same for the target")(
      "error-map", text("FILE"), "a list of what could not be read, for ddrescue")(
      "manual-finalize", po::bool_switch(), "take effect upon `dmjob finalize` only")(
      "manual-dismiss", po::bool_switch(), "stay listed until `dmjob dismiss`")(
      "force", po::bool_switch(), "overwrite a target that holds a file system or the like")(
      "wait", po::bool_switch(), "wait until the job is ready, or has ended")(
      "pivot", po::bool_switch(), "wait until it is ready, then switch the volume to the target")(
      "finish", po::bool_switch(), "wait until it is ready, then end it; the target is a copy");
  add_timeout_option(options);
}

int copy(const Call& call) {
  check(call);
  const json arguments = arguments_of(call);
  const Deadline deadline = call.deadline();
  Client client(call.socket());
  const std::string id = start(call, client, arguments);
  if (!call.console().json()) call.console().print_line(id);
  if (!waits(call)) {
    if (call.console().json()) call.console().print_json({{"id", id}});
    return kExitDone;
  }
  const Outcome outcome = wait_for_job(call, client, id, plan_of(call, id, deadline));
  report_outcome(call, outcome);
  check_pivot(call, outcome);
  return kExitDone;
}

}  // namespace dmjob::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/start_job.h"

#include <algorithm>
#include <array>

#include "tool/dmjob/change.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

bool asks(const Call& call, const char* option) { return call.has(option) && call.flag(option); }

bool waits(const Call& call) {
  return asks(call, "wait") || asks(call, "pivot") || asks(call, "finish");
}

// By its target, or by its volume where the request names no target.
bool is_of(const json& job, const json& arguments) {
  if (arguments.contains("target")) return text_of(job, "target") == text_of(arguments, "target");
  return text_of(job, "volume") == text_of(arguments, "device");
}

WaitPlan plan_of(const Call& call, const std::string& id, Deadline deadline) {
  WaitPlan plan;
  plan.deadline = deadline;
  if (asks(call, "pivot")) {
    plan.at_ready = "job-complete";
    plan.arguments = {{"id", id}};
  } else if (asks(call, "finish")) {
    plan.at_ready = "block-job-cancel";
    plan.arguments = {{"device", id}, {"force", false}};
  }
  plan.goal = plan.at_ready.empty() ? Goal::kReady : Goal::kEnd;
  return plan;
}

}  // namespace

void add_job_options(po::options_description& options) {
  const auto text = [](const char* word) { return po::value<std::string>()->value_name(word); };
  options.add_options()("id", text("ID"), "the job's id; by default the volume's name")(
      "speed", text("RATE"), "bytes per second at most, for instance 50M; 0: no limit")(
      "manual-finalize", po::bool_switch(), "take effect upon `dmjob finalize` only")(
      "manual-dismiss", po::bool_switch(), "stay listed until `dmjob dismiss`");
}

void add_wait_option(po::options_description& options, const char* what) {
  options.add_options()("wait", po::bool_switch(), what);
  add_timeout_option(options);
}

void add_policy_options(po::options_description& options) {
  const auto text = [](const char* word) { return po::value<std::string>()->value_name(word); };
  options.add_options()("on-source-error", text("POLICY"),
                        "report (default), ignore, stop or enospc")(
      "on-target-error", text("POLICY"), "the same for the target");
}

void take_job_options(const Call& call, json& arguments) {
  if (call.has("id")) arguments["job-id"] = call.text("id");
  if (call.has("speed")) arguments["speed"] = call.size("speed");
  if (asks(call, "manual-finalize")) arguments["auto-finalize"] = false;
  if (asks(call, "manual-dismiss")) arguments["auto-dismiss"] = false;
}

std::string policy_of(const Call& call, const char* option) {
  constexpr std::array kPolicies = {"report", "ignore", "stop", "enospc"};
  const std::string given = call.text(option);
  if (std::ranges::find(kPolicies, given) != kPolicies.end()) return given;
  throw CliError(kExitUsage, std::string("--") + option + ": '" + given +
                                 "' is not one of report, ignore, stop, enospc");
}

void take_policies(const Call& call, json& arguments) {
  for (const char* option : {"on-source-error", "on-target-error"})
    if (call.has(option)) arguments[option] = policy_of(call, option);
}

void check_waits(const Call& call) {
  if (asks(call, "pivot") && asks(call, "finish")) {
    throw CliError(kExitUsage,
                   "--pivot switches to the target and --finish does not; give one of them");
  }
  if (call.has("timeout") && !waits(call)) {
    throw CliError(kExitUsage, std::string("--timeout has no meaning without --wait") +
                                   (call.has("pivot") ? ", --pivot or --finish" : ""));
  }
}

std::string id_of_started(Client& client, const json& arguments) {
  if (arguments.contains("job-id")) return arguments["job-id"];
  for (const char* list : {"query-block-jobs", "query-job-history"}) {
    const json jobs = client.execute(list);
    for (const json& job : jobs) {
      if (is_of(job, arguments)) return text_of(job, "device");
    }
  }
  return arguments["device"];
}

std::string start_job(const Call& call, Client& client, const char* command,
                      const json& arguments) {
  const std::string id = text_of(change(call.console(), client, command, arguments), "id");
  return id.empty() ? id_of_started(client, arguments) : id;
}

std::optional<Outcome> follow_started(const Call& call, Client& client, const std::string& id,
                                      Deadline deadline) {
  if (!call.console().json()) call.console().print_line(id);
  if (!waits(call)) {
    if (call.console().json()) call.console().print_json({{"id", id}});
    return std::nullopt;
  }
  Outcome outcome = wait_for_job(call, client, id, plan_of(call, id, deadline));
  report_outcome(call, outcome);
  return outcome;
}

}  // namespace dmjob::cli

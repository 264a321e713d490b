// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/commands.h"
#include "tool/dmjob/transfer.h"

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

std::string start(const Call& call, Client& client, const json& arguments) try {
  const std::string id = text_of(client.execute("blockdev-mirror", arguments), "id");
  return id.empty() ? id_of_started(client, arguments) : id;
} catch (const CommandError& error) {
  throw hint_at_file(error, call.text("SOURCE"));
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
  add_transfer_options(options);
  options.add_options()("wait", po::bool_switch(), "wait until the job is ready, or has ended")(
      "pivot", po::bool_switch(), "wait until it is ready, then switch the volume to the target")(
      "finish", po::bool_switch(), "wait until it is ready, then end it; the target is a copy");
  add_timeout_option(options);
}

int copy(const Call& call) {
  check(call);
  json arguments = transfer_arguments(call, call.text("SOURCE"), call.text("TARGET"));
  if (call.flag("pivot")) arguments["pivot"] = true;
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

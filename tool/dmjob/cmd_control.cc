// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/change.h"
#include "tool/dmjob/commands.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

constexpr int kCancelSeconds = 60;

// The better account of a refusal because there is no such job.
void execute_on_job(const Call& call, Client& client, const std::string& command,
                    const json& arguments) try {
  change(call.console(), client, command, arguments);
} catch (const CommandError&) {
  const std::string id = call.text("ID");
  const json jobs = client.query_block_job(id);
  if (find_job(jobs, id) == nullptr)
    throw CliError(kExitFailed, "there is no job '" + id + "'; `dmjob list --all` shows all");
  throw;
}

int send(const Call& call, Client& client, const std::string& command, const json& arguments) {
  execute_on_job(call, client, command, arguments);
  if (call.console().json()) call.console().print_json({{"id", call.text("ID")}});
  return kExitDone;
}

int send_verb(const Call& call, const std::string& command) {
  Client client(call.socket());
  return send(call, client, command, {{"id", call.text("ID")}});
}

void refuse_timeout_without(const Call& call, bool waits, const std::string& option) {
  if (call.has("timeout") && !waits)
    throw CliError(kExitUsage, "--timeout has no meaning " + option);
}

// Here, and only here, a cancelled job is what was asked for.
void report_cancel(const Call& call, const Outcome& outcome) {
  if (outcome.ending != Ending::kCancelled) return report_outcome(call, outcome);
  if (call.console().json()) call.console().print_json(outcome.job);
  call.console().remark("job '" + call.text("ID") + "' is cancelled; " +
                        text_of(outcome.job, "target") + " is not a usable copy");
}

// Before a copy that is ready ends, and is left as a copy of this point in time.
void warn_about_end(const Call& call, Client& client) {
  if (call.flag("force")) return;
  const std::string id = call.text("ID");
  const json jobs = client.query_block_job(id);
  const json* job = find_job(jobs, id);
  if (job && text_of(*job, "type") == "mirror" && text_of(*job, "status") == "ready")
    warn_about_freezing(call, client, text_of(*job, "volume"));
}

}  // namespace

int pause(const Call& call) { return send_verb(call, "job-pause"); }

int resume(const Call& call) { return send_verb(call, "job-resume"); }

int finalize(const Call& call) { return send_verb(call, "job-finalize"); }

int dismiss(const Call& call) { return send_verb(call, "job-dismiss"); }

int speed(const Call& call) {
  const json arguments{{"device", call.text("ID")}, {"speed", call.size("RATE")}};
  Client client(call.socket());
  return send(call, client, "block-job-set-speed", arguments);
}

void add_complete_options(po::options_description& options) {
  options.add_options()("wait", po::bool_switch(), "wait until the job has ended");
  add_timeout_option(options);
}

int complete(const Call& call) {
  refuse_timeout_without(call, call.flag("wait"), "without --wait");
  const Deadline deadline = call.deadline();
  const json arguments{{"id", call.text("ID")}};
  Client client(call.socket());
  execute_on_job(call, client, "job-complete", arguments);
  warn_about_boot(call, client);
  if (!call.flag("wait")) {
    if (call.console().json()) call.console().print_json(arguments);
    return kExitDone;
  }
  const WaitPlan plan{Goal::kEnd, deadline, "job-complete", arguments, true, ""};
  report_outcome(call, wait_for_job(call, client, call.text("ID"), plan));
  return kExitDone;
}

void add_cancel_options(po::options_description& options) {
  options.add_options()("force", po::bool_switch(),
                        "at once, even if paused; the target is not a usable copy then")(
      "async", po::bool_switch(), "do not wait until the job has ended");
  add_timeout_option(options);
}

int cancel(const Call& call) {
  refuse_timeout_without(call, !call.flag("async"), "with --async");
  const json arguments{{"device", call.text("ID")}, {"force", call.flag("force")}};
  const Deadline deadline = call.deadline(kCancelSeconds);
  Client client(call.socket());
  warn_about_end(call, client);
  if (call.flag("async")) return send(call, client, "block-job-cancel", arguments);
  execute_on_job(call, client, "block-job-cancel", arguments);
  const std::string id = call.text("ID");
  const WaitPlan plan{
      Goal::kEnd,
      deadline,
      "block-job-cancel",
      arguments,
      true,
      "the cancellation of job '" + id + "' goes on; `dmjob info " + id + "` shows it"};
  report_cancel(call, wait_for_job(call, client, id, plan));
  return kExitDone;
}

}  // namespace dmjob::cli

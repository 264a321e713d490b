// SPDX-License-Identifier: LGPL-2.1-or-later
// The jobs that end what overlay and snapshot began.
#include "tool/dmjob/start_job.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

constexpr const char* kWait = "wait until the job is ready, or has ended";

int start_and_follow(const Call& call, const char* command, json arguments) {
  check_waits(call);
  take_job_options(call, arguments);
  const Deadline deadline = call.deadline();
  Client client(call.socket());
  const std::string id = start_job(call, client, command, arguments);
  follow_started(call, client, id, deadline);
  return kExitDone;
}

}  // namespace

void add_stream_options(po::options_description& options) {
  add_job_options(options);
  add_policy_options(options);
  add_wait_option(options, kWait);
  options.add_options()("scratch", po::value<std::string>()->value_name("PATH"),
                        "a device or file for what the running job has to note")(
      "force", po::bool_switch(), "overwrite a target that holds a file system or the like");
}

int stream(const Call& call) {
  json arguments{{"device", call.text("VOLUME")}};
  if (call.has("TARGET")) arguments["target"] = call.absolute_path("TARGET");
  if (call.has("scratch")) arguments["scratch"] = call.absolute_path("scratch");
  if (call.flag("force")) arguments["force"] = true;
  take_policies(call, arguments);
  return start_and_follow(call, "block-stream", std::move(arguments));
}

void add_commit_options(po::options_description& options) {
  add_job_options(options);
  add_wait_option(options, kWait);
  options.add_options()("on-error", po::value<std::string>()->value_name("POLICY"),
                        "report (default), ignore, stop or enospc")(
      "pivot", po::bool_switch(), "wait until it is ready, then end the snapshot")(
      "finish", po::bool_switch(), "wait until it is ready, then begin the snapshot anew");
}

int commit(const Call& call) {
  json arguments{{"device", call.text("VOLUME")}};
  if (call.has("on-error")) arguments["on-error"] = policy_of(call, "on-error");
  return start_and_follow(call, "block-commit", std::move(arguments));
}

}  // namespace dmjob::cli

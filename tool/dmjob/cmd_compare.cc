// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/commands.h"
#include "tool/dmjob/transfer.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

json arguments_of(const Call& call) {
  json arguments{{"device", path_or_volume(call.text("SOURCE"))},
                 {"target", call.absolute_path("TARGET")}};
  if (call.has("id")) arguments["job-id"] = call.text("id");
  if (call.has("speed")) arguments["speed"] = call.size("speed");
  add_policies(call, arguments);
  if (call.has("scratch")) arguments["scratch"] = call.absolute_path("scratch");
  if (call.flag("force")) arguments["force"] = true;
  if (call.flag("manual-dismiss")) arguments["auto-dismiss"] = false;
  return arguments;
}

}  // namespace

void add_compare_options(po::options_description& options) {
  const auto text = [](const char* word) { return po::value<std::string>()->value_name(word); };
  options.add_options()("id", text("ID"), "the job's id; by default the source's name")(
      "speed", text("RATE"), "bytes of each side a second at most; 0: no limit")(
      "scratch", text("PATH"), "a device, file or folder for what a volume writes over meanwhile")(
      "on-source-error", text("POLICY"), "report (default), ignore, stop or enospc")(
      "on-target-error", text("POLICY"), "the same for the target")(
      "manual-dismiss", po::bool_switch(), "stay listed until `dmjob dismiss`")(
      "force", po::bool_switch(), "overwrite a scratch that holds a file system or the like")(
      "wait", po::bool_switch(), "wait until it has ended; exit status 1 if they differ");
  add_timeout_option(options);
}

int compare(const Call& call) {
  if (call.has("timeout") && !call.flag("wait"))
    throw CliError(kExitUsage, "--timeout has no meaning without --wait");
  const json arguments = arguments_of(call);
  const Deadline deadline = call.deadline();
  Client client(call.socket());
  try {
    client.execute("volume-compare", arguments);
  } catch (const CommandError& error) {
    throw hint_at_file(error, call.text("SOURCE"));
  }
  const std::string id = id_of_started(client, arguments);
  if (!call.console().json()) call.console().print_line(id);
  if (!call.flag("wait")) {
    if (call.console().json()) call.console().print_json({{"id", id}});
    return kExitDone;
  }
  report_outcome(call, wait_for_job(call, client, id, {.goal = Goal::kEnd, .deadline = deadline}));
  return kExitDone;
}

}  // namespace dmjob::cli

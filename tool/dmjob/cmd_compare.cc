// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/start_job.h"
#include "tool/dmjob/transfer.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

json arguments_of(const Call& call) {
  json arguments{{"device", path_or_volume(call.text("SOURCE"))},
                 {"target", call.absolute_path("TARGET")}};
  take_job_options(call, arguments);
  take_policies(call, arguments);
  if (call.has("scratch")) arguments["scratch"] = call.absolute_path("scratch");
  if (call.flag("force")) arguments["force"] = true;
  return arguments;
}

}  // namespace

void add_compare_options(po::options_description& options) {
  const auto text = [](const char* word) { return po::value<std::string>()->value_name(word); };
  options.add_options()("id", text("ID"), "the job's id; by default the source's name")(
      "speed", text("RATE"), "bytes of each side a second at most; 0: no limit")(
      "scratch", text("PATH"), "a device, file or folder for what a volume writes over meanwhile")(
      "manual-dismiss", po::bool_switch(), "stay listed until `dmjob dismiss`")(
      "force", po::bool_switch(), "overwrite a scratch that holds a file system or the like");
  add_policy_options(options);
  add_wait_option(options, "wait until it has ended; exit status 1 if they differ");
}

int compare(const Call& call) {
  check_waits(call);
  const json arguments = arguments_of(call);
  const Deadline deadline = call.deadline();
  Client client(call.socket());
  warn_about_freezing(call, client, arguments["device"]);
  const std::string id = start_transfer(call, client, "volume-compare", arguments);
  follow_started(call, client, id, deadline);
  return kExitDone;
}

}  // namespace dmjob::cli

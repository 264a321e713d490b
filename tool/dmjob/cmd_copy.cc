// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/start_job.h"
#include "tool/dmjob/transfer.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

// An offline copy has no ready phase: there is nothing to switch.
void check_pivot(const Call& call, const Outcome& outcome) {
  if (!call.flag("pivot") || outcome.ending != Ending::kDone || outcome.was_ready) return;
  throw CliError(kExitFailed, "the copy is done and complete, but nothing was switched: " +
                                  call.text("SOURCE") + " is not a volume in use");
}

}  // namespace

void add_copy_options(po::options_description& options) {
  add_transfer_options(options);
  add_wait_option(options, "wait until the job is ready, or has ended");
  options.add_options()("pivot", po::bool_switch(),
                        "wait until it is ready, then switch the volume to the target")(
      "finish", po::bool_switch(), "wait until it is ready, then end it; the target is a copy");
}

int copy(const Call& call) {
  check_waits(call);
  json arguments = transfer_arguments(call, call.text("SOURCE"), call.text("TARGET"));
  if (call.flag("pivot")) arguments["pivot"] = true;
  const Deadline deadline = call.deadline();
  Client client(call.socket());
  if (!call.flag("pivot")) warn_about_freezing(call, client, arguments["device"]);
  const std::string id = start_transfer(call, client, "blockdev-mirror", arguments);
  warn_about_boot(call, client);
  const auto outcome = follow_started(call, client, id, deadline);
  if (outcome) check_pivot(call, *outcome);
  return kExitDone;
}

}  // namespace dmjob::cli

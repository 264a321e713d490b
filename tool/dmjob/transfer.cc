// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/transfer.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "tool/dmjob/job_state.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

std::string policy(const Call& call, const char* option) {
  constexpr std::array kPolicies = {"report", "ignore", "stop", "enospc"};
  const std::string given = call.text(option);
  if (std::ranges::find(kPolicies, given) != kPolicies.end()) return given;
  throw CliError(kExitUsage, std::string("--") + option + ": '" + given +
                                 "' is not one of report, ignore, stop, enospc");
}

}  // namespace

std::string path_or_volume(const std::string& source) {
  return source.find('/') == std::string::npos ? source : Call::absolute(source, "SOURCE");
}

void add_policies(const Call& call, json& arguments) {
  for (const char* option : {"on-source-error", "on-target-error"}) {
    if (call.has(option)) arguments[option] = policy(call, option);
  }
}

void add_transfer_options(po::options_description& options) {
  const auto text = [](const char* word) { return po::value<std::string>()->value_name(word); };
  options.add_options()("id", text("ID"), "the job's id; by default the volume's name")(
      "speed", text("RATE"), "bytes per second at most, for instance 50M; 0: no limit")(
      "scratch", text("PATH"), "a device, file or folder for what the running job has to keep")(
      "granularity", text("SIZE"), "bytes that are copied at once, and again if need be")(
      "on-source-error", text("POLICY"), "report (default), ignore, stop or enospc")(
      "on-target-error", text("POLICY"), "the same for the target")(
      "error-map", text("FILE"), "a list of what could not be read, for ddrescue")(
      "verify", po::bool_switch(), "read the target back and compare, before it counts as a copy")(
      "manual-finalize", po::bool_switch(), "take effect upon `dmjob finalize` only")(
      "manual-dismiss", po::bool_switch(), "stay listed until `dmjob dismiss`")(
      "force", po::bool_switch(), "overwrite a target that holds a file system or the like");
}

json transfer_arguments(const Call& call, const std::string& source, const std::string& target) {
  json arguments{{"device", path_or_volume(source)},
                 {"target", Call::absolute(target, "TARGET")},
                 {"sync", "full"}};
  if (call.has("id")) arguments["job-id"] = call.text("id");
  if (call.has("speed")) arguments["speed"] = call.size("speed");
  if (call.has("granularity")) arguments["granularity"] = call.size("granularity");
  if (call.has("scratch")) arguments["scratch"] = call.absolute_path("scratch");
  add_policies(call, arguments);
  if (call.has("error-map")) arguments["error-map"] = call.absolute_path("error-map");
  if (call.flag("manual-finalize")) arguments["auto-finalize"] = false;
  if (call.flag("manual-dismiss")) arguments["auto-dismiss"] = false;
  if (call.flag("verify")) arguments["verify"] = true;
  if (call.flag("force")) arguments["force"] = true;
  return arguments;
}

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

CommandError hint_at_file(const CommandError& error, const std::string& source) {
  std::error_code ignored;
  if (source.find('/') != std::string::npos || !std::filesystem::exists(source, ignored))
    return error;
  return {error.error_class(),
          std::string(error.what()) + " (for the file of that name write ./" + source + ")"};
}

}  // namespace dmjob::cli

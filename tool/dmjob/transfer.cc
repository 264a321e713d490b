// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/transfer.h"

#include <filesystem>

#include "tool/dmjob/start_job.h"

namespace dmjob::cli {

namespace po = boost::program_options;
using nlohmann::json;

std::string path_or_volume(const std::string& source) {
  return source.find('/') == std::string::npos ? source : Call::absolute(source, "SOURCE");
}

void add_transfer_options(po::options_description& options) {
  const auto text = [](const char* word) { return po::value<std::string>()->value_name(word); };
  add_job_options(options);
  add_policy_options(options);
  options.add_options()("scratch", text("PATH"),
                        "a device, file or folder for what the running job has to keep")(
      "granularity", text("SIZE"), "bytes that are copied at once, and again if need be")(
      "error-map", text("FILE"), "a list of what could not be read, for ddrescue")(
      "verify", po::bool_switch(), "read the target back and compare, before it counts as a copy")(
      "force", po::bool_switch(), "overwrite a target that holds a file system or the like");
}

json transfer_arguments(const Call& call, const std::string& source, const std::string& target) {
  json arguments{{"device", path_or_volume(source)},
                 {"target", Call::absolute(target, "TARGET")},
                 {"sync", "full"}};
  take_job_options(call, arguments);
  take_policies(call, arguments);
  if (call.has("granularity")) arguments["granularity"] = call.size("granularity");
  if (call.has("scratch")) arguments["scratch"] = call.absolute_path("scratch");
  if (call.has("error-map")) arguments["error-map"] = call.absolute_path("error-map");
  if (call.flag("verify")) arguments["verify"] = true;
  if (call.flag("force")) arguments["force"] = true;
  return arguments;
}

std::string start_transfer(const Call& call, Client& client, const char* command,
                           const json& arguments) try {
  return start_job(call, client, command, arguments);
} catch (const CommandError& error) {
  throw hint_at_file(error, call.text("SOURCE"));
}

CommandError hint_at_file(const CommandError& error, const std::string& source) {
  std::error_code ignored;
  if (source.find('/') != std::string::npos || !std::filesystem::exists(source, ignored))
    return error;
  return {error.error_class(),
          std::string(error.what()) + " (for the file of that name write ./" + source + ")"};
}

}  // namespace dmjob::cli

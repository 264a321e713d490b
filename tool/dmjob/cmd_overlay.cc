// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/change.h"
#include "tool/dmjob/commands.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

// Sends it and prints it; the rest of what is to be said is for people.
int send(const Call& call, Client& client, const char* command, const json& arguments,
         const std::string& remark) {
  change(call.console(), client, command, arguments);
  if (call.console().json()) call.console().print_json(arguments);
  call.console().remark(remark);
  return kExitDone;
}

void take_path(const Call& call, const char* option, json& arguments) {
  if (call.has(option)) arguments[option] = call.absolute_path(option);
}

}  // namespace

void add_snapshot_options(po::options_description& options) {
  options.add_options()("scratch", po::value<std::string>()->value_name("PATH"),
                        "a disk, file or folder for what is written to the volume")(
      "force", po::bool_switch(), "use a disk that holds a file system or the like");
}

void add_overlay_options(po::options_description& options) {
  options.add_options()("target", po::value<std::string>()->value_name("DISK"),
                        "where the volume is to live once it is streamed");
  add_snapshot_options(options);
}

int overlay(const Call& call) {
  const std::string name = call.text("NAME");
  json arguments{{"name", name}, {"backing", call.absolute_path("BACKING")}};
  take_path(call, "target", arguments);
  take_path(call, "scratch", arguments);
  if (call.flag("force")) arguments["force"] = true;
  Client client(call.socket());
  return send(call, client, "volume-overlay", arguments,
              "/dev/mapper/" + name + " is there, and will be after each boot; `dmjob stream " +
                  name + "` gives it a disk of its own");
}

int snapshot(const Call& call) {
  const std::string name = call.text("VOLUME");
  json arguments{{"name", name}};
  take_path(call, "scratch", arguments);
  if (call.flag("force")) arguments["force"] = true;
  Client client(call.socket());
  warn_about_freezing(call, client, name);
  return send(call, client, "volume-snapshot", arguments,
              "`dmjob commit " + name + "` keeps what is written from now on, `dmjob rollback " +
                  name + "` throws it away");
}

int rollback(const Call& call) {
  const std::string name = call.text("VOLUME");
  Client client(call.socket());
  return send(call, client, "volume-rollback", {{"name", name}},
              "/dev/mapper/" + name + " is as it was at its snapshot");
}

}  // namespace dmjob::cli

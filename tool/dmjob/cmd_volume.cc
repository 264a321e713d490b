// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/change.h"
#include "tool/dmjob/commands.h"
#include "tool/dmjob/print.h"

namespace dmjob::cli {

namespace po = boost::program_options;
using nlohmann::json;

void warn_about_boot(const Call& call, Client& client) {
  for (const json& warning : client.ask_if_known("query-boot-warnings"))
    call.console().remark("warning: " + warning.get<std::string>());
}

void warn_about_freezing(const Call& call, Client& client, const std::string& device) {
  for (const json& line : client.ask_if_known("query-not-frozen", {{"device", device}}))
    call.console().remark("warning: " + line.get<std::string>());
}

int attach(const Call& call) {
  const json arguments{{"name", call.text("NAME")}, {"device", call.absolute_path("DEVICE")}};
  Client client(call.socket());
  change(call.console(), client, "volume-attach", arguments);
  if (call.console().json()) call.console().print_json(arguments);
  call.console().remark("/dev/mapper/" + call.text("NAME") +
                        " is there, and will be after each boot");
  warn_about_boot(call, client);
  return kExitDone;
}

void add_detach_options(po::options_description& options) {
  options.add_options()("force", po::bool_switch(),
                        "end an overlay or snapshot, too, and lose what was written to it");
}

int detach(const Call& call) {
  json arguments{{"name", call.text("NAME")}};
  if (call.flag("force")) arguments["force"] = true;
  Client client(call.socket());
  const json answer = change(call.console(), client, "volume-detach", arguments);
  arguments.update(answer);
  if (call.console().json()) call.console().print_json(arguments);
  if (const std::string lost = text_of(answer, "lost"); !lost.empty())
    call.console().remark("warning: " + lost);
  return kExitDone;
}

int untrack(const Call& call) {
  const json arguments{{"name", call.text("VOLUME")}};
  Client client(call.socket());
  change(call.console(), client, "volume-untrack", arguments);
  if (call.console().json()) call.console().print_json(arguments);
  return kExitDone;
}

int volumes(const Call& call) {
  Client client(call.socket());
  const json answer = client.execute("query-volumes");
  if (call.console().json()) {
    call.console().print_json(answer);
  } else {
    call.console().out() << volumes_table(answer)
                         << hidden_table(client.ask_if_known("query-hidden-disks"));
  }
  return kExitDone;
}

int release(const Call& call) {
  const json arguments{{"device", call.absolute_path("DISK")}};
  Client client(call.socket());
  const json answer = change(call.console(), client, "disk-release", arguments);
  if (call.console().json()) call.console().print_json(answer);
  call.console().remark(
      call.text("DISK") +
      " is hidden no more: its file system has the UUID and the label of volume '" +
      text_of(answer, "volume") +
      "', and which of both is mounted at a boot is chance; before that give it another UUID "
      "(tune2fs -U random, xfs_admin -U generate, vgimportclone) or wipe it (wipefs -a)");
  return kExitDone;
}

}  // namespace dmjob::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/commands.h"
#include "tool/dmjob/print.h"

namespace dmjob::cli {

using nlohmann::json;

namespace {

int end_something(const Call& call, const char* command, const char* argument) {
  const json arguments{{"name", call.text(argument)}};
  Client client(call.socket());
  client.execute(command, arguments);
  if (call.console().json()) call.console().print_json(arguments);
  return kExitDone;
}

}  // namespace

void warn_about_boot(const Call& call, Client& client) {
  for (const json& warning : client.ask_if_known("query-boot-warnings"))
    call.console().remark("warning: " + warning.get<std::string>());
}

int attach(const Call& call) {
  const json arguments{{"name", call.text("NAME")}, {"device", call.absolute_path("DEVICE")}};
  Client client(call.socket());
  client.execute("volume-attach", arguments);
  if (call.console().json()) call.console().print_json(arguments);
  call.console().remark("/dev/mapper/" + call.text("NAME") +
                        " is there, and will be after each boot");
  warn_about_boot(call, client);
  return kExitDone;
}

int detach(const Call& call) { return end_something(call, "volume-detach", "NAME"); }
int untrack(const Call& call) { return end_something(call, "volume-untrack", "VOLUME"); }

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
  const json answer = client.execute("disk-release", arguments);
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

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

int attach(const Call& call) {
  const json arguments{{"name", call.text("NAME")}, {"device", call.absolute_path("DEVICE")}};
  Client client(call.socket());
  client.execute("volume-attach", arguments);
  if (call.console().json()) call.console().print_json(arguments);
  call.console().remark("/dev/mapper/" + call.text("NAME") +
                        " is there, and will be after each boot");
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
    call.console().out() << volumes_table(answer);
  }
  return kExitDone;
}

}  // namespace dmjob::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/command_line.h"
#include "tool/dmjob/commands.h"
#include "tool/dmjob/verbs.h"

namespace dmjob::cli {

int help(const Call& call) {
  call.console().out() << help_text(call.has("TOPIC") ? &require_verb(call.text("TOPIC"))
                                                      : nullptr);
  return kExitDone;
}

}  // namespace dmjob::cli

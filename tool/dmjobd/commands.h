// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The commands of the socket: a table, a row a command.
// Thread: the reactor.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <span>
#include <string_view>

#include "tool/dmjobd/arguments.h"
#include "tool/dmjobd/daemon.h"
#include "tool/dmjobd/peer.h"
#include "tool/dmjobd/qmp_message.h"

namespace dmjob::daemon {

// Returns what the answer's "return" holds. Throws core::Error. The daemon outlives it.
using Answer = boost::asio::awaitable<Reply>;
using Handler = Answer (*)(Daemon& daemon, Arguments arguments);

struct Command {
  std::string_view name;
  Access access;  // what the caller needs. kQuery: does not wait, so it may be called out of band
  std::span<const Parameter> parameters;
  Handler handler;
};

std::span<const Command> commands();
// nullptr: unknown.
const Command* find_command(std::string_view name);

// Checks who asks and what, in this order: the command, the caller, the arguments. Then runs it.
// What it has changed is on disk when it returns, or the answer's "warning" says that it is not.
// Throws core::Error, before any side effect if the request was at fault.
Answer run_command(Daemon& daemon, Access caller, Request request);

}  // namespace dmjob::daemon

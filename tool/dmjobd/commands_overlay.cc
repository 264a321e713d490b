// SPDX-License-Identifier: LGPL-2.1-or-later
#include <utility>

#include "tool/dmjobd/handlers.h"

namespace dmjob::daemon {
namespace {

using nlohmann::json;

drivers::OverlayRequest overlay_request(const Arguments& arguments) {
  drivers::OverlayRequest request;
  request.name = arguments.text("name");
  request.backing = arguments.text_if("backing").value_or("");
  request.target = arguments.text_if("target");
  request.scratch = arguments.text_if("scratch");
  request.force = arguments.flag("force", request.force);
  return request;
}

}  // namespace

Answer volume_overlay(Daemon& daemon, Arguments arguments) {
  auto made = daemon.overlay(overlay_request(arguments), arguments.wanted());
  co_await std::move(made);
  co_return json::object();
}

Answer volume_snapshot(Daemon& daemon, Arguments arguments) {
  auto made = daemon.snapshot(overlay_request(arguments), arguments.wanted());
  co_await std::move(made);
  co_return json::object();
}

Answer volume_rollback(Daemon& daemon, Arguments arguments) {
  auto done = daemon.rollback(arguments.text("name"), arguments.wanted());
  co_await std::move(done);
  co_return json::object();
}

}  // namespace dmjob::daemon

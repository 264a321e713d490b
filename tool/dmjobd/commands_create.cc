// SPDX-License-Identifier: LGPL-2.1-or-later
#include <utility>

#include "libjob/core/error_policy.h"
#include "tool/dmjobd/handlers.h"

namespace dmjob::daemon {
namespace {

using core::OnError;
using nlohmann::json;

// "auto" is the same as not there: what the job's kind takes by itself.
OnError on_error(const Arguments& arguments, std::string_view name, OnError otherwise) {
  const auto word = arguments.text_if(name);
  return word ? core::parse_on_error(*word).value_or(otherwise) : otherwise;
}

drivers::CopyRequest copy_request(const Arguments& arguments) {
  drivers::CopyRequest request;
  request.id = arguments.text_if("job-id");
  request.source = arguments.text("device");
  request.target = arguments.text("target");
  request.scratch = arguments.text_if("scratch");
  request.speed = arguments.integer("speed", request.speed);
  request.granularity = arguments.size_if("granularity");
  request.on_source_error = on_error(arguments, "on-source-error", request.on_source_error);
  request.on_target_error = on_error(arguments, "on-target-error", request.on_target_error);
  request.auto_finalize = arguments.flag("auto-finalize", request.auto_finalize);
  request.auto_dismiss = arguments.flag("auto-dismiss", request.auto_dismiss);
  request.force = arguments.flag("force", request.force);
  request.will_pivot = arguments.flag("pivot", request.will_pivot);
  return request;
}

}  // namespace

// Where the client wants the id, it asks query-jobs or listens, as with QEMU: the answer is empty.
Answer blockdev_mirror(Daemon& daemon, Arguments arguments) {
  drivers::CopyRequest request = copy_request(arguments);
  auto started = daemon.start_copy(std::move(request));
  co_await std::move(started);
  co_return json::object();
}

Answer volume_attach(Daemon& daemon, Arguments arguments) {
  std::string name = arguments.text("name");
  std::string device = arguments.text("device");
  auto attached = daemon.attach(std::move(name), std::move(device));
  co_await std::move(attached);
  co_return json::object();
}

Answer volume_detach(Daemon& daemon, Arguments arguments) {
  std::string name = arguments.text("name");
  auto detached = daemon.detach(std::move(name));
  co_await std::move(detached);
  co_return json::object();
}

}  // namespace dmjob::daemon

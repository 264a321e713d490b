// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/handlers.h"

namespace dmjob::daemon {

using core::ErrorClass;
using nlohmann::json;

std::shared_ptr<core::Job> named_job(Daemon& daemon, const Arguments& arguments,
                                     ErrorClass if_unknown) {
  const std::string id = arguments.text(arguments.has("id") ? "id" : "device");
  return daemon.registry().get(id, if_unknown);
}

Answer job_cancel(Daemon& daemon, Arguments arguments) {
  const auto job = named_job(daemon, arguments, ErrorClass::kGeneric);
  job->cancel(/*force=*/true);
  co_return json::object();
}

Answer block_job_cancel(Daemon& daemon, Arguments arguments) {
  const auto job = named_job(daemon, arguments, ErrorClass::kDeviceNotActive);
  job->cancel(arguments.flag("force", false));
  co_return json::object();
}

Answer block_job_set_speed(Daemon& daemon, Arguments arguments) {
  const auto job = named_job(daemon, arguments, ErrorClass::kDeviceNotActive);
  job->set_speed(arguments.integer("speed", 0));
  co_return json::object();
}

}  // namespace dmjob::daemon

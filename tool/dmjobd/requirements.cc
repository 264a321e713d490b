// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/requirements.h"

#include "libjob/core/error.h"

namespace dmjob::daemon {

dm::Control& require_control(const drivers::Environment& environment) {
  if (!environment.control) throw core::Error(kNoDeviceMapper);
  return *environment.control;
}

const volumes::ManagedVolume& require_managed(const volumes::ManagedVolumes& volumes,
                                              const std::string& name) {
  const volumes::ManagedVolume* found = volumes.find(name);
  if (!found) throw core::Error("volume '" + name + "' is not managed by dmjob");
  return *found;
}

void require_no_job(const core::Registry& registry, const std::string& volume) {
  if (const auto job = registry.holder(volume))
    throw core::Error("volume '" + volume + "' is in use by job '" + job->id() + "': end it first");
}

}  // namespace dmjob::daemon

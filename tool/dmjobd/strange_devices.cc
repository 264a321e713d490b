// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/strange_devices.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "dm/name.h"
#include "dm/topology/overlay_stack.h"
#include "libjob/core/worker.h"
#include "libjob/volumes/tracker.h"
#include "tool/dmjobd/log.h"

namespace dmjob::daemon {
namespace {

using boost::asio::awaitable;

bool is_known(const std::string& inner_name, const core::Registry& registry,
              const volumes::ManagedVolumes& volumes) {
  const auto of_job = [&](const auto& job) {
    return inner_name.starts_with(dm::inner_name(job->id(), ""));
  };
  const auto of_tracker = [&](const auto& entry) {
    return entry.second.tracking &&
           inner_name.starts_with(dm::inner_name(volumes::Tracker::id_of(entry.first), ""));
  };
  const auto of_overlay = [&](const auto& entry) {
    return entry.second.overlay && dm::OverlayStack::is_part(inner_name, entry.first);
  };
  return std::ranges::any_of(registry.jobs(), of_job) ||
         std::ranges::any_of(volumes.all(), of_tracker) ||
         std::ranges::any_of(volumes.all(), of_overlay);
}

std::vector<std::string> inner_devices(dm::Control& control) {
  std::vector<std::string> names;
  for (const dm::Device& device : control.list()) {
    const auto full = control.find(device.name);
    if (full && full->uuid.starts_with(dm::kInnerUuidPrefix)) names.push_back(full->name);
  }
  return names;
}

}  // namespace

awaitable<void> report_strange_devices(dm::Control& control, const core::Registry& registry,
                                       const volumes::ManagedVolumes& volumes) {
  core::Worker worker;
  auto list = [&control] { return inner_devices(control); };
  const std::vector<std::string> inner = co_await worker.run(std::move(list));
  for (const std::string& name : inner) {
    if (!is_known(name, registry, volumes))
      log_warning("device '" + name +
                  "' was made by a job that the state file does not know: "
                  "left alone ('dmsetup table " +
                  name + "' shows it)");
  }
}

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/volume_events.h"

#include <utility>

namespace dmjob::daemon {

void publish_change(core::EventBus& events, const volumes::ManagedVolume& volume,
                    const nlohmann::json& more) {
  nlohmann::json data{{"name", volume.name}, {"device", volume.device}};
  data.update(more);
  events.publish("VOLUME_CHANGE", std::move(data));
}

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The event that tells clients of a change of a volume. Thread: the reactor.
#pragma once

#include <nlohmann/json.hpp>

#include "libjob/core/event.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::daemon {

// VOLUME_CHANGE with the volume's name, its device, and the members of `more`: "change" says what
// has changed.
void publish_change(core::EventBus& events, const volumes::ManagedVolume& volume,
                    const nlohmann::json& more);

}  // namespace dmjob::daemon

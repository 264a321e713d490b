// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Several volumes at a time, for transactions.
// Thread: the reactor.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "libjob/core/volume_lock.h"

namespace dmjob::drivers {

// For a volume's modify slot.
inline constexpr core::Duration kSlotPatience = std::chrono::minutes(1);

// A volume, and for what its modify slot is wanted.
using WantedVolume = std::pair<std::string, std::string>;

// The modify slots of all, in an order in which two groups never wait for each other.
boost::asio::awaitable<std::vector<core::VolumeLocks::Hold>> hold_volumes(
    core::VolumeLocks& locks, std::vector<WantedVolume> volumes);

}  // namespace dmjob::drivers

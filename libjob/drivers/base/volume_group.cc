// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/base/volume_group.h"

#include <algorithm>

namespace dmjob::drivers {

boost::asio::awaitable<std::vector<core::VolumeLocks::Hold>> hold_volumes(
    core::VolumeLocks& locks, std::vector<WantedVolume> volumes) {
  std::ranges::sort(volumes);
  std::vector<core::VolumeLocks::Hold> holds;
  for (const auto& [volume, what] : volumes) {
    auto hold = co_await locks.acquire(volume, what, kSlotPatience);
    holds.push_back(std::move(hold));
  }
  co_return holds;
}

}  // namespace dmjob::drivers

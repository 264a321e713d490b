// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/open_check.h"

#include <chrono>
#include <thread>

namespace dmjob::drivers {

bool is_open(const io::ProbeResult& disk, const CheckContext& context) {
  using namespace std::chrono_literals;
  if (disk.dm_name.empty() || !context.control) return false;
  constexpr int kLooks = 20;
  for (int look = 0; look < kLooks; ++look) {
    const auto device = context.control->find(disk.dm_name);
    if (!device || device->open_count == 0) return false;
    std::this_thread::sleep_for(50ms);
  }
  return true;
}

}  // namespace dmjob::drivers

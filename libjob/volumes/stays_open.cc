// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/stays_open.h"

#include <chrono>
#include <thread>

namespace dmjob::volumes {

bool stays_open(dm::Control& control, const std::string& name) {
  using namespace std::chrono_literals;
  constexpr int kLooks = 20;
  for (int look = 0; look < kLooks; ++look) {
    const auto device = control.find(name);
    if (!device || device->open_count == 0) return false;
    std::this_thread::sleep_for(50ms);
  }
  return true;
}

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/base/rate_meter.h"

namespace dmjob::drivers {

void RateMeter::note(core::TimePoint now, std::uint64_t total) {
  samples_.push_back({now, total});
  while (samples_.size() > 2 && now - samples_.front().when > kWindow) samples_.pop_front();
}

std::uint64_t RateMeter::bytes_per_second(core::TimePoint now) const {
  if (samples_.size() < 2 || now - samples_.back().when > kWindow) return 0;
  const auto time = samples_.back().when - samples_.front().when;
  if (time <= core::Duration::zero()) return 0;
  const double seconds = std::chrono::duration<double>(time).count();
  const auto bytes = static_cast<double>(samples_.back().total - samples_.front().total);
  return static_cast<std::uint64_t>(bytes / seconds);
}

}  // namespace dmjob::drivers

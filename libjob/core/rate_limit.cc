// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/rate_limit.h"

#include <algorithm>

namespace dmjob::core {
namespace {

// Longer than this nobody waits; keeps 1 MiB at 1 B/s and the like far from overflow.
constexpr Duration kLongest = std::chrono::hours(24 * 365);

Duration time_for(std::uint64_t bytes, std::uint64_t speed) {
  const std::chrono::duration<double> seconds(static_cast<double>(bytes) /
                                              static_cast<double>(speed));
  return seconds < kLongest ? std::chrono::duration_cast<Duration>(seconds) : kLongest;
}

}  // namespace

void RateLimit::set_speed(std::uint64_t bytes_per_second) {
  speed_.store(bytes_per_second, std::memory_order_relaxed);
}

void RateLimit::begin_slice(TimePoint start) {
  slice_start_ = start;
  slice_end_ = start + kSlice;
  taken_ = 0;
  quota_ = std::max<std::uint64_t>(slice_speed_ / (std::chrono::seconds(1) / kSlice), 1);
}

void RateLimit::roll(TimePoint now) {
  if (const std::uint64_t wanted = speed(); wanted != slice_speed_) {
    slice_speed_ = wanted;
    begin_slice(now);
  } else if (now >= slice_end_) {
    // The next slice follows the last one, so that waking up late costs no speed; but time in which
    // nothing was asked for is not saved up.
    begin_slice(now - slice_end_ < kSlice ? slice_end_ : now);
  }
}

Duration RateLimit::delay(TimePoint now) {
  roll(now);
  if (slice_speed_ == 0 || taken_ < quota_) return Duration::zero();
  return slice_end_ - now;
}

void RateLimit::take(TimePoint now, std::uint64_t bytes) {
  roll(now);
  taken_ += bytes;
  if (slice_speed_ != 0 && taken_ >= quota_) {
    slice_end_ = slice_start_ + std::max(kSlice, time_for(taken_, slice_speed_));
  }
}

}  // namespace dmjob::core

// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// A bytes-per-second limit in slices of 100 ms, after QEMU's include/qemu/ratelimit.h: what is
/// taken beyond a slice's quota makes that slice longer. It computes and never sleeps.
///
///     while (there is work) { wait(limit.delay(now)); limit.take(now, bytes); }
///
/// Thread: set_speed() any; the rest one thread (the copy loop's).
#pragma once

#include <atomic>
#include <cstdint>

#include "libjob/core/clock.h"
#include "libjob/core/export.h"

namespace dmjob::core {

/// A limit in bytes per second. Never throws.
class DMJOB_EXPORT RateLimit {
 public:
  /// How long a slice is.
  static constexpr Duration kSlice = std::chrono::milliseconds(100);

  /// 0 means unlimited. Takes effect at the next delay(), which starts a new slice: what was taken
  /// at the old speed is not waited for any more.
  void set_speed(std::uint64_t bytes_per_second);
  /// Bytes per second; 0: no limit.
  std::uint64_t speed() const { return speed_.load(std::memory_order_relaxed); }

  /// How long to wait from now until the next request may start; zero if it may start at once.
  Duration delay(TimePoint now);
  /// Counts bytes that are being started.
  void take(TimePoint now, std::uint64_t bytes);

 private:
  void roll(TimePoint now);
  void begin_slice(TimePoint start);

  std::atomic<std::uint64_t> speed_{0};
  std::uint64_t slice_speed_ = 0;  // what the current slice was begun with
  TimePoint slice_start_{};
  TimePoint slice_end_{};
  std::uint64_t taken_ = 0;
  std::uint64_t quota_ = 0;
};

}  // namespace dmjob::core

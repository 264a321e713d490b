// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/bitmap_walk.h"

#include <algorithm>

#include "libjob/io/aligned_buffer.h"

namespace dmjob::io {
namespace {

// No piece of slow work is smaller.
constexpr std::uint64_t kSmallest = 4096;

}  // namespace

BitmapWalk::BitmapWalk(const DirtyBitmap& dirty, CopyControl& control, const core::Clock& clock,
                       core::TimePoint until, Piece piece)
    : dirty_(dirty), control_(control), clock_(clock), until_(until), piece_(piece) {}

bool BitmapWalk::over() const { return at_end_ || (time_is_up(clock_.now()) && between_regions()); }

std::optional<ByteRange> BitmapWalk::take() {
  delay_ = {};
  const core::TimePoint now = clock_.now();
  if (at_end_ || (time_is_up(now) && between_regions())) return std::nullopt;
  const std::optional<ByteRange> range = next(now);
  if (!range) {
    at_end_ = true;
    return std::nullopt;
  }
  delay_ = control_.limit().delay(now);
  if (delay_ > core::Duration::zero()) return std::nullopt;
  control_.limit().take(now, range->end - range->begin);
  cursor_ = range->end;
  return range;
}

// Slow work takes small pieces, so that it flows rather than drips.
std::uint64_t BitmapWalk::most_bytes() const {
  const std::uint64_t most = piece_.most;
  const std::uint64_t granularity = dirty_.granularity();
  const std::uint64_t speed = control_.limit().speed();
  if (speed == 0) return most < granularity ? most : round_down(most, granularity);
  const std::uint64_t slice = speed / (std::chrono::seconds(1) / core::RateLimit::kSlice);
  const std::uint64_t unit =
      std::max(piece_.block, std::min<std::uint64_t>(granularity, kSmallest));
  if (slice >= most) return most;
  return std::max(unit, round_up(slice, unit));
}

std::optional<ByteRange> BitmapWalk::next(core::TimePoint now) const {
  if (cursor_ >= dirty_.size()) return std::nullopt;
  const std::uint64_t granularity = dirty_.granularity();
  const std::uint64_t most = most_bytes();
  const auto run = dirty_.next(cursor_ / granularity, most / granularity + 2);
  if (!run) return std::nullopt;
  ByteRange range;
  range.begin = std::max(cursor_, run->first * granularity);
  range.end =
      std::min({dirty_.size(), (run->first + run->count) * granularity, range.begin + most});
  if (time_is_up(now)) range.end = std::min(range.end, round_up(cursor_, granularity));
  return range;
}

std::optional<core::Duration> BitmapWalk::longest_wait() const {
  const core::TimePoint now = clock_.now();
  std::optional<core::Duration> longest;
  if (delay_ > core::Duration::zero()) longest = delay_;
  if (until_ != core::TimePoint::max() && until_ > now && !at_end_)
    longest = std::min(longest.value_or(core::Duration::max()), until_ - now);
  return longest;
}

}  // namespace dmjob::io

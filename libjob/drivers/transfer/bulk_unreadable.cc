// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What BulkCopy does about blocks that cannot be read, and the map of them.
#include "libjob/drivers/transfer/bulk_copy.h"
#include "libjob/drivers/transfer/ddrescue_map.h"
#include "libjob/io/aligned_buffer.h"

namespace dmjob::drivers {

// Only what this run has copied to its end. What was not tried, or failed again, is still given up.
void BulkCopy::forget_copied(const io::DirtyBitmap& tried) {
  for (auto run = tried.next(0, 1); run; run = tried.next(run->first + 1, 1))
    if (!dirty_.test(run->first)) bad_blocks_.forget(run->first);
}

// In the same call as the copy: who comes in between may have found a region to be dirty anew, and
// that must hold. Writes last: a region that has both stays dirty.
std::optional<io::CopyError> BulkCopy::accept(const std::vector<io::CopyError>& ignored) {
  const std::vector<io::CopyError> refused = give_up(ignored);
  for (const io::CopyError& error : ignored)
    if (!error.is_read) take_back(error);
  for (const io::CopyError& error : refused) take_back(error);
  if (refused.empty()) return std::nullopt;
  return refused.front();
}

// Those that are reads, in place of what was known of their regions. Returns where the target did
// not take the zeroes.
std::vector<io::CopyError> BulkCopy::give_up(const std::vector<io::CopyError>& errors) {
  std::vector<io::CopyError> refused;
  for (const io::CopyError& error : errors)
    if (error.is_read) forget(error);
  for (const io::CopyError& error : errors) {
    if (!error.is_read) continue;
    bad_blocks_.add(error);
    if (const std::error_code why = write_zeroes(error))
      refused.push_back({false, error.offset, error.length, why});
  }
  return refused;
}

// In whole blocks of the target. Those that it has in part the engine has written.
std::error_code BulkCopy::write_zeroes(const io::CopyError& extent) {
  if (!target_) return std::make_error_code(std::errc::no_such_device);
  const std::uint64_t block = target_->alignment();
  const std::uint64_t end = extent.offset + extent.length;
  const std::uint64_t first = io::round_up(extent.offset, block);
  const std::uint64_t last =
      end == dirty_.size() ? io::round_up(end, block) : io::round_down(end, block);
  return first < last ? target_->write_zeroes(first, last - first) : std::error_code();
}

// Neither dirty nor given up, as far as is known.
void BulkCopy::forget(const io::CopyError& extent) {
  for_each_region(extent, [this](std::uint64_t region) {
    bad_blocks_.forget(region);
    dirty_.clear(region);
  });
}

// The target refused it: not ours to give up.
void BulkCopy::take_back(const io::CopyError& extent) {
  for_each_region(extent, [this](std::uint64_t region) {
    bad_blocks_.forget(region);
    dirty_.set(region);
  });
}

template <typename Function>
void BulkCopy::for_each_region(const io::CopyError& extent, Function function) const {
  const std::uint64_t last = (extent.offset + extent.length - 1) / dirty_.granularity();
  for (std::uint64_t region = extent.offset / dirty_.granularity(); region <= last; ++region)
    function(region);
}

io::DirtyBitmap BulkCopy::dirty_and_bad() const {
  io::DirtyBitmap both(dirty_.size(), dirty_.granularity());
  const io::DirtyBitmap& bad_blocks = bad_blocks_.regions();
  for (auto run = bad_blocks.next(0, 1); run; run = bad_blocks.next(run->first + 1, 1))
    if (dirty_.test(run->first)) both.set(run->first);
  return both;
}

void BulkCopy::copy_bad_blocks_again() {
  const io::DirtyBitmap tried = dirty_and_bad();
  if (tried.count() == 0) return;
  unflushed_.add(tried);
  unverified_.add(tried);
  for (auto run = tried.next(0, 1); run; run = tried.next(run->first + 1, 1))
    dirty_.clear(run->first);
  io::CopyControl unlimited;
  core::Progress uncounted;
  io::DirtyBitmap left = tried;
  io::CopyEngine once(*source_, *target_, unlimited, clock_, options_);
  const io::CopyResult result =
      once.run(left, uncounted, core::TimePoint::max(),
               [](const io::CopyError&) { return core::ErrorAction::kIgnore; });
  forget_copied(tried);
  accept(result.ignored);
}

// --- the map ---

void BulkCopy::note_success() {
  copied_counts_ = true;
  write_map();
}

void BulkCopy::write_map() {
  if (!map_.wanted()) return;
  io::DirtyBitmap pending = dirty_;
  pending.add(unflushed_);
  if (!copied_counts_) pending.set_all();
  map_.write(format_rescue_map(about_, pending, bad_blocks_.extents()));
  mapped_ = bad_blocks_.version();
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/transfer/bad_blocks.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace dmjob::drivers {
namespace {

bool continues(const io::CopyError& before, const io::CopyError& next) {
  return before.is_read == next.is_read && before.error == next.error &&
         before.offset + before.length == next.offset;
}

void append(std::vector<io::CopyError>& list, const io::CopyError& next) {
  if (!list.empty() && continues(list.back(), next))
    list.back().length += next.length;
  else
    list.push_back(next);
}

}  // namespace

std::vector<io::CopyError> merge_neighbours(std::vector<io::CopyError> errors) {
  std::ranges::sort(errors, {}, [](const io::CopyError& error) {
    return std::tuple(error.is_read, error.offset);
  });
  std::vector<io::CopyError> merged;
  for (const io::CopyError& error : errors) append(merged, error);
  return merged;
}

BadBlocks::BadBlocks(std::uint64_t size, std::uint64_t granularity)
    : regions_(size, granularity), tried_again_(size, granularity) {}

void BadBlocks::add(const io::CopyError& extent) {
  const std::uint64_t unit = regions_.granularity();
  const std::uint64_t end = extent.offset + extent.length;
  for (std::uint64_t at = extent.offset; at < end;) {
    const std::uint64_t next = std::min(end, (at / unit + 1) * unit);
    regions_.set(at / unit);
    extents_.insert_or_assign(at, io::CopyError{true, at, next - at, extent.error});
    at = next;
  }
  ++version_;
}

void BadBlocks::forget(std::uint64_t region) {
  const std::uint64_t unit = regions_.granularity();
  regions_.clear(region);
  extents_.erase(extents_.lower_bound(region * unit), extents_.lower_bound((region + 1) * unit));
  ++version_;
}

bool BadBlocks::holds(std::uint64_t offset) const {
  const auto behind = extents_.upper_bound(offset);
  if (behind == extents_.begin()) return false;
  const io::CopyError& before = std::prev(behind)->second;
  return offset < before.offset + before.length;
}

std::vector<io::CopyError> BadBlocks::extents() const {
  std::vector<io::CopyError> list;
  for (const auto& [place, extent] : extents_) append(list, extent);
  return list;
}

bool BadBlocks::try_again(io::DirtyBitmap& again) {
  bool any = false;
  for (auto run = regions_.next(0, 1); run; run = regions_.next(run->first + 1, 1)) {
    if (tried_again_.test(run->first)) continue;
    tried_again_.set(run->first);
    again.set(run->first);
    any = true;
  }
  return any;
}

}  // namespace dmjob::drivers

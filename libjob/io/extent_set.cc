// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/extent_set.h"

#include <algorithm>
#include <iterator>

namespace dmjob::io {

void ExtentSet::add(const Extent& extent) {
  if (extent.length == 0) return;
  std::uint64_t begin = extent.offset;
  std::uint64_t end = end_of(extent);
  auto at = places_.upper_bound(begin);
  if (at != places_.begin() && std::prev(at)->second >= begin) --at;
  while (at != places_.end() && at->first <= end) {
    begin = std::min(begin, at->first);
    end = std::max(end, at->second);
    at = places_.erase(at);
  }
  places_.emplace_hint(at, begin, end);
}

void ExtentSet::drop_last() { places_.erase(std::prev(places_.end())); }

std::vector<Extent> ExtentSet::extents() const {
  std::vector<Extent> extents;
  extents.reserve(places_.size());
  for (const auto& [begin, end] : places_) extents.push_back({begin, end - begin});
  return extents;
}

Extent ExtentSet::hull() const {
  if (places_.empty()) return {};
  const std::uint64_t begin = places_.begin()->first;
  return {begin, places_.rbegin()->second - begin};
}

}  // namespace dmjob::io

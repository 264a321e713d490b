// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/differences.h"

#include <iterator>

namespace dmjob::io {

void Differences::add(const Extent& extent) {
  bytes_ += extent.length;
  auto at = places_.emplace(extent.offset, extent.length).first;
  if (at != places_.begin()) {
    const auto before = std::prev(at);
    if (before->first + before->second == at->first) {
      before->second += at->second;
      at = std::prev(places_.erase(at));
    }
  }
  const auto after = std::next(at);
  if (after != places_.end() && at->first + at->second == after->first) {
    at->second += after->second;
    places_.erase(after);
  }
  if (places_.size() > kMostPlaces) places_.erase(std::prev(places_.end()));
}

void Differences::add(const Differences& other) {
  const std::uint64_t all = bytes_ + other.bytes_;
  for (const auto& [offset, length] : other.places_) add({offset, length});
  bytes_ = all;
}

std::vector<Extent> Differences::places() const {
  std::vector<Extent> places;
  places.reserve(places_.size());
  for (const auto& [offset, length] : places_) places.push_back({offset, length});
  return places;
}

std::string Differences::describe() const {
  constexpr std::size_t kShown = 3;
  std::string text = std::to_string(bytes_) + " bytes differ:";
  std::size_t shown = 0;
  for (const auto& [offset, length] : places_) {
    if (shown == kShown) return text + ", and more";
    text += std::string(shown++ == 0 ? " " : ", ") + std::to_string(length) + " at byte " +
            std::to_string(offset);
  }
  return text;
}

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/differences.h"

namespace dmjob::io {

void Differences::add(const Extent& extent) {
  bytes_ += extent.length;
  places_.add(extent);
  if (places_.count() > kMostPlaces) places_.drop_last();
}

void Differences::add(const Differences& other) {
  const std::uint64_t all = bytes_ + other.bytes_;
  for (const Extent& extent : other.places()) add(extent);
  bytes_ = all;
}

std::string Differences::describe() const {
  constexpr std::size_t kShown = 3;
  std::string text = std::to_string(bytes_) + " bytes differ:";
  std::size_t shown = 0;
  for (const auto& [offset, length, zero] : places()) {
    if (shown == kShown) return text + ", and more";
    text += std::string(shown++ == 0 ? " " : ", ") + std::to_string(length) + " at byte " +
            std::to_string(offset);
  }
  return text;
}

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Bytes of a disk, told in pieces in any order and held in order: extents that are apart from each
// other, since what touches or overlaps becomes one. Who computes with extents that come from
// several requests in flight does it here: a length taken between two of them as they came would
// wrap. Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "libjob/io/copy_plan.h"

namespace dmjob::io {

class ExtentSet {
 public:
  // Throws std::overflow_error if the extent ends behind what 64 bits can name. Of no bytes: no
  // effect.
  void add(const Extent& extent);
  // Of the extents, the one that comes last. Precondition: there is one.
  void drop_last();

  bool empty() const { return places_.empty(); }
  std::size_t count() const { return places_.size(); }
  // In order.
  std::vector<Extent> extents() const;
  // From the first byte to the last one, with the gaps. Of nothing: no bytes.
  Extent hull() const;

 private:
  std::map<std::uint64_t, std::uint64_t> places_;  // begin, end
};

}  // namespace dmjob::io

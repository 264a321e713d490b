// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What of the source could not be read and is left out, since the user chose to ignore such errors:
// extents in blocks of the source, kept by region, since the bitmap of a copy knows only those.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "libjob/io/copy_engine.h"
#include "libjob/io/dirty_bitmap.h"

namespace dmjob::drivers {

// In order of side and place; neighbours that failed alike are one.
std::vector<io::CopyError> merge_neighbours(std::vector<io::CopyError> errors);

class BadBlocks {
 public:
  // As of the copy's bitmap.
  BadBlocks(std::uint64_t size, std::uint64_t granularity);

  void add(const io::CopyError& extent);
  void forget(std::uint64_t region);

  bool has(std::uint64_t region) const { return regions_.test(region); }
  std::uint64_t count() const { return regions_.count(); }  // regions
  bool holds(std::uint64_t offset) const;                   // a byte
  const io::DirtyBitmap& regions() const { return regions_; }
  // By place, neighbours as one.
  std::vector<io::CopyError> extents() const;
  // Grows with each change.
  std::uint64_t version() const { return version_; }

  // Adds those regions to `again` that have not had their second try, and counts this as it. False
  // if there is none.
  bool try_again(io::DirtyBitmap& again);
  // As if none had had it.
  void renew_tries() { tried_again_.clear_all(); }

 private:
  io::DirtyBitmap regions_;
  io::DirtyBitmap tried_again_;
  std::map<std::uint64_t, io::CopyError> extents_;  // by place; none is in two regions
  std::uint64_t version_ = 0;
};

}  // namespace dmjob::drivers

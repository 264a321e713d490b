// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where two disks differ: how many bytes in all, and the first places, whatever the order in which
// they are found. Thread: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "libjob/io/extent_set.h"

namespace dmjob::io {

class Differences {
 public:
  static constexpr std::size_t kMostPlaces = 64;

  // Extents are apart from each other; neighbours become one.
  void add(const Extent& extent);

  // Of another part of the disk.
  void add(const Differences& other);

  std::uint64_t bytes() const { return bytes_; }
  // In order; all of them unless there are kMostPlaces.
  std::vector<Extent> places() const { return places_.extents(); }
  // "1024 bytes differ: 512 at byte 4096, 512 at byte 1048576"; of many places the first ones.
  std::string describe() const;

 private:
  ExtentSet places_;
  std::uint64_t bytes_ = 0;
};

}  // namespace dmjob::io

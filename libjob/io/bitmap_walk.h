// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A cursor that goes once over what a bitmap names, in bytes, and hands out pieces to be read, as
// fast as the limit allows. A region larger than a piece takes several of them; one that is smaller
// shares a piece with its dirty neighbours. When the time is up a region that was begun is
// finished, else slow work on large regions would never get on.
//
// Thread: the copy loop's.
#pragma once

#include <cstdint>
#include <optional>

#include "libjob/core/clock.h"
#include "libjob/io/copy_control.h"
#include "libjob/io/dirty_bitmap.h"

namespace dmjob::io {

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class BitmapWalk {
 public:
  struct Piece {
    std::uint64_t most = 0;   // bytes of a piece
    std::uint64_t block = 0;  // bytes: a piece's size is a multiple, but for the disk's last one
  };

  // All that is a reference outlives this.
  BitmapWalk(const DirtyBitmap& dirty, CopyControl& control, const core::Clock& clock,
             core::TimePoint until, Piece piece);

  // Takes it from the limit. nullopt: none may be started now.
  std::optional<ByteRange> take();
  // Nothing more will come.
  bool over() const;
  // The cursor has passed the last dirty region.
  bool at_end() const { return at_end_; }
  // What may pass before take() has something, nothing else happening. None: no limit.
  std::optional<core::Duration> longest_wait() const;

 private:
  bool time_is_up(core::TimePoint now) const { return now >= until_; }
  bool between_regions() const { return cursor_ % dirty_.granularity() == 0; }
  std::uint64_t most_bytes() const;
  std::optional<ByteRange> next(core::TimePoint now) const;

  const DirtyBitmap& dirty_;
  CopyControl& control_;
  const core::Clock& clock_;
  const core::TimePoint until_;
  const Piece piece_;
  std::uint64_t cursor_ = 0;  // bytes: all before it has been handed out
  core::Duration delay_{};    // of the rate limit, when the last piece was refused for it
  bool at_end_ = false;
};

}  // namespace dmjob::io

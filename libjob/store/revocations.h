// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which decisions of the state file are taken back, in a file beside it that needs no room, no
// rename and no new block when that happens: "revoked", made and written in full before anything is
// decided, overwritten in place later. The decisions go by ids that never come again, so what it
// names of old ones does no harm.
//
//   {"crc32c": "hex, of the text of ids", "dmjob-revoked": 1, "ids": ["32 hex digits", ...]}
//
// twice, each padded to kCopyBytes with blanks: should the power go while one is written, the other
// is whole. What either of them names is revoked.
//
// Thread: one at a time; every call may block. Errors: std::system_error.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/fd.h"

namespace dmjob::store {

class Revocations {
 public:
  static constexpr std::size_t kCopyBytes = 16384;
  // The latest are kept. Whatever is decided is saved with all that was revoked before it.
  static constexpr std::size_t kMost = 400;

  // folder: that of the state file, which is there. Touches nothing.
  explicit Revocations(std::string folder) : folder_(std::move(folder)) {}

  struct Loaded {
    std::vector<std::string> ids;  // oldest first
    std::string damage;            // why nothing can be known; "": what is in ids is all
  };
  // No file: nothing was ever revoked.
  Loaded load();
  // From now on add() needs nothing but to write in place, which is tried here. A file that is
  // damaged is made anew.
  void reserve();
  // Durable when it returns, in one copy at least. Precondition: reserve(), at some time.
  void add(std::span<const std::string> ids);

 private:
  std::string path(const char* name) const { return folder_ + "/" + name; }
  bool is_open_at_its_path() const;
  void make() const;
  void open();
  void write_both();
  void flush_disk_below() const;

  const std::string folder_;
  std::vector<std::string> ids_;
  io::Fd fd_;  // open for good: what cannot be opened any more can still be written
  io::AlignedBuffer buffer_;
  bool loaded_ = false;
};

}  // namespace dmjob::store

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What we ourselves have written to a disk or file, counted where a killed process leaves it: in a
// small file, mapped. It is told of each write before the kernel is, so that what the kernel counts
// is never less; a process that dies in between has counted too much, and nobody takes its target
// for untouched.
//
// Thread: one at a time. Errors: std::system_error from opening.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "libjob/io/block_device.h"
#include "libjob/io/fd.h"

namespace dmjob::io {

class OwnWrites {
 public:
  // Maps the file at `path`, or makes it. fresh: counts from zero, whatever it says.
  OwnWrites(const std::string& path, bool fresh);
  ~OwnWrites();
  OwnWrites(const OwnWrites&) = delete;
  OwnWrites& operator=(const OwnWrites&) = delete;

  // The device, with each of its writes told to this. This outlives it.
  std::unique_ptr<BlockDevice> count(std::unique_ptr<BlockDevice> device);

  // Of the regular file at `path`: before each write it is looked at whether it is still that long.
  // What is cut off, and then written to at its end, is as long as before.
  void expect_length(const std::string& path, std::uint64_t bytes);
  bool was_cut() const { return was_cut_; }

  void add(std::uint64_t bytes);
  void touch();
  std::int64_t sectors() const;
  // When the last of them began or ended, by the clock that dates files.
  std::chrono::nanoseconds last() const;

 private:
  struct Page {
    std::int64_t sectors;
    std::int64_t last;  // nanoseconds since 1970
  };
  void look_at_length();

  volatile Page* page_ = nullptr;
  Fd file_;  // whose length is looked at
  std::uint64_t length_ = 0;
  bool was_cut_ = false;
};

// The file at `path` was written to or changed later than that: not by us.
bool was_changed_after(const std::string& path, std::chrono::nanoseconds last);

}  // namespace dmjob::io

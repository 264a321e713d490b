// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A file as a block device, for scratch that device-mapper is to stand on. The loop device goes
// away by itself (LO_FLAGS_AUTOCLEAR) when nobody has it open any more: neither we nor a dm table.
// Thread: a worker; may block. Errors: std::system_error.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "libjob/io/fd.h"

namespace dmjob::io {

// An open loop device. Owns the descriptor.
class LoopDevice {
 public:
  // Opens the loop device over `file`; one that exists is taken, else a free one is set up,
  // writable.
  static LoopDevice over(const std::string& file);

  const std::string& path() const { return path_; }

 private:
  LoopDevice(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  static std::optional<LoopDevice> find(const std::string& file);
  static std::optional<LoopDevice> try_set_up(int file_fd);

  Fd fd_;
  std::string path_;
};

}  // namespace dmjob::io

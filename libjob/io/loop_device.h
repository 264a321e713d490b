// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A file as a block device, for scratch that device-mapper is to stand on. The loop device goes
// away by itself (LO_FLAGS_AUTOCLEAR) when nobody has it open any more: neither we nor a dm table.
// Thread: a worker; may block. Errors: std::system_error.
#pragma once

#include <linux/loop.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libjob/io/fd.h"

struct stat;

namespace dmjob::io {

// An open loop device. Owns the descriptor.
class LoopDevice {
 public:
  // Opens the loop device over `file`; one that exists is taken if it is writable and is all of the
  // file, else a free one is set up.
  static LoopDevice over(const std::string& file);
  // Opens the one of that number, whatever has become of its file's name.
  static LoopDevice at(dev_t loop);

  const std::string& path() const { return path_; }

 private:
  LoopDevice(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  static std::optional<LoopDevice> find(int file_fd);
  static std::optional<LoopDevice> try_set_up(int file_fd);

  Fd fd_;
  std::string path_;
};

// What the kernel says of an open loop device; nullopt if it is none, or nothing is bound to it.
std::optional<loop_info64> loop_info(int loop);
// That is the file it stands on.
bool is_over(const loop_info64& info, const struct stat& file);
// The file that the loop device is over is at that path. Throws if it is no loop device in use.
bool is_file_at(dev_t loop, const std::string& path);
// Where the kernel says that its file is: "/a (deleted)". "" if it is no loop device in use.
std::string place_of_file(dev_t loop);
// The paths of all loop devices that have a file.
std::vector<std::string> bound_loops();

}  // namespace dmjob::io

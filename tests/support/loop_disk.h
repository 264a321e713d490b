// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A disk for a test: a loop device over a sparse file, which goes with its last user. As root.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "libjob/io/loop_device.h"
#include "libjob/io/probe.h"

namespace dmjob::test {

class LoopDisk {
 public:
  LoopDisk(const std::string& file, std::uint64_t bytes)
      : loop_(io::LoopDevice::over(made(file, bytes))) {}
  const std::string& path() const { return loop_.path(); }
  dev_t dev() const { return io::probe(path()).dev; }

 private:
  static const std::string& made(const std::string& file, std::uint64_t bytes) {
    std::ofstream(file).close();
    std::filesystem::resize_file(file, bytes);
    return file;
  }

  io::LoopDevice loop_;
};

}  // namespace dmjob::test

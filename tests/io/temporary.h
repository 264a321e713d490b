// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Files and loop devices that are gone when the test is, however it ends: a file has no name beyond
// its scope, a loop device is freed by the kernel at its last close.
#pragma once

#include <linux/loop.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/fd.h"

namespace dmjob::test {

// A folder with its files, removed with it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  // Makes a sparse file and returns its path.
  std::string file(const std::string& name, std::uint64_t size) const;

 private:
  std::string path_;
};

// Throws, and so fails the test, if one is not root or there are no loop devices.
class LoopDevice {
 public:
  // What losetup can be told. Offset and limit are bytes; a limit of 0 is the file's end.
  struct Options {
    std::uint64_t offset = 0;
    std::uint64_t limit = 0;
    std::uint32_t flags = LO_FLAGS_PARTSCAN;
  };

  // Of a file or disk.
  explicit LoopDevice(const std::string& file) : LoopDevice(file, Options{}) {}
  LoopDevice(const std::string& file, const Options& options);

  // Without a table on the disk, which not every kernel can read. Returns its path.
  std::string add_partition(std::uint64_t offset, std::uint64_t length);

  const std::string& path() const { return path_; }  // "/dev/loop7"
  std::string name() const;                          // "loop7"
  dev_t dev() const;

 private:
  std::string path_;
  io::Fd fd_;
};

// Bytes that differ from place to place.
std::vector<std::byte> pattern(std::uint64_t size, std::uint64_t seed);
io::AlignedBuffer aligned(std::span<const std::byte> bytes);
// Through the page cache, as any program would.
void write_file(const std::string& path, std::span<const std::byte> bytes,
                std::uint64_t offset = 0);
std::vector<std::byte> read_file(const std::string& path);

}  // namespace dmjob::test

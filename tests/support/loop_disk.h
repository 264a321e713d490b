// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A disk for a test: a loop device over a sparse file, which goes with its last user. As root.
#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/io/fd.h"
#include "libjob/io/loop_device.h"
#include "libjob/io/probe.h"

namespace dmjob::test {

// All that a disk or file holds, read past every cache.
inline std::vector<std::byte> bytes_of(const std::string& path) {
  const auto device = io::open_device(path, io::Access::kRead);
  io::AlignedBuffer all(device->size());
  if (const auto error = device->read(0, all.bytes())) throw std::system_error(error, path);
  return {all.bytes().begin(), all.bytes().end()};
}

// Every write to the disk fails with EPERM, and who opens it to write is refused.
inline void refuse_writes(const std::string& disk, bool refused) {
  const io::Fd fd(::open(disk.c_str(), O_RDONLY | O_CLOEXEC));
  const int on = refused ? 1 : 0;
  if (ioctl(fd.get(), BLKROSET, &on) != 0) throw std::runtime_error("BLKROSET " + disk);
}

class LoopDisk {
 public:
  LoopDisk(const std::string& file, std::uint64_t bytes)
      : file_(file), bytes_(bytes), loop_(io::LoopDevice::over(made(file, bytes))) {}
  const std::string& path() const { return loop_.path(); }
  dev_t dev() const { return io::probe(path()).dev; }

  // --- what it holds ---

  void fill(unsigned char value) const { write(0, bytes_, value); }
  void write(std::uint64_t offset, std::uint64_t length, unsigned char value) const {
    const auto device = io::open_device(path(), io::Access::kReadWrite);
    io::AlignedBuffer all(length);
    std::memset(all.bytes().data(), value, length);
    if (const auto error = device->write(offset, all.bytes()))
      throw std::system_error(error, path());
  }
  // In its file: the kernel counts no write to the disk.
  void fill_uncounted(unsigned char value) const {
    std::ofstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(bytes_, static_cast<char>(value));
  }
  std::byte byte_at(std::uint64_t offset) const { return bytes_of(path()).at(offset); }

  // --- faults ---

  // Until mend(), which brings back what was there.
  void fail_reads_from(std::uint64_t offset) const {
    const std::vector<std::byte> all = bytes_of(path());
    kept_.assign(all.begin() + static_cast<std::ptrdiff_t>(offset), all.end());
    std::filesystem::resize_file(file_, offset);
    const io::Fd fd(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
    if (ioctl(fd.get(), BLKFLSBUF, 0) != 0) throw std::runtime_error("BLKFLSBUF " + path());
  }
  void mend() const {
    const auto good = bytes_ - kept_.size();
    std::filesystem::resize_file(file_, bytes_);
    std::ofstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(good));
    for (const std::byte byte : kept_) file.put(static_cast<char>(byte));
    kept_.clear();
  }

 private:
  static std::string made(const std::string& file, std::uint64_t bytes) {
    std::ofstream(file).close();
    std::filesystem::resize_file(file, bytes);
    return file;
  }

  const std::string file_;
  const std::uint64_t bytes_;
  mutable std::vector<std::byte> kept_;  // what cannot be read
  io::LoopDevice loop_;
};

}  // namespace dmjob::test

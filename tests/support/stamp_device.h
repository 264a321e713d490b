// SPDX-License-Identifier: LGPL-2.1-or-later
// A range of a block device or regular file, read and written in whole blocks past the page cache.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

namespace dmjob::stamp {

// What part of the device is in use. Blocks are numbered from the start of the device, not of the
// range.
struct Range {
  std::size_t block_size = 4096;
  std::uint64_t offset = 0;  // bytes
  std::uint64_t length = 0;  // bytes; 0: to the end of the device
};

// Memory that O_DIRECT takes.
class Buffer {
 public:
  explicit Buffer(std::size_t size);
  std::span<std::byte> first(std::size_t size) { return {memory_.get(), size}; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
};

class Device {
 public:
  Device(const std::string& path, int flags, Range range);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  std::size_t block_size() const { return block_size_; }
  std::uint64_t first_block() const { return first_; }
  std::uint64_t end_block() const { return end_; }

  // All throw std::system_error, a short transfer included.
  void read(std::uint64_t block, std::span<std::byte> bytes) const;
  void write(std::uint64_t block, std::span<const std::byte> bytes);
  void sync();

 private:
  off_t position(std::uint64_t block) const { return static_cast<off_t>(block * block_size_); }

  int fd_;
  std::size_t block_size_;
  std::uint64_t first_;
  std::uint64_t end_;
};

}  // namespace dmjob::stamp

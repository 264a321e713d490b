// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Direct I/O on block devices, for tests: blocks of 4 KiB filled with one byte. The page cache of a
// disk under a dm device may be stale, so nothing here goes through it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dmjob::dm {

inline constexpr std::size_t kBlock = 4096;

class Disk {
 public:
  explicit Disk(const std::string& path);
  ~Disk();
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // Each returns 0 or errno.
  int write_block(std::uint64_t block, unsigned char fill);
  int read_block(std::uint64_t block);
  int discard(std::uint64_t block, std::uint64_t blocks);
  int secure_erase(std::uint64_t block, std::uint64_t blocks);
  int zero_out(std::uint64_t block, std::uint64_t blocks);

  // The byte that a block is filled with; -1 if it is not all the same or cannot be read.
  int fill_of(std::uint64_t block);
  void fill_all(unsigned char fill);

  // Whole ranges; size and offset in bytes, multiples of 4096. Throws std::system_error.
  void write(std::uint64_t offset, std::span<const std::byte> data);
  std::vector<std::byte> read(std::uint64_t offset, std::size_t size);

  std::uint64_t sectors() const { return sectors_; }
  dev_t dev() const { return dev_; }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  int fd_ = -1;
  dev_t dev_ = 0;
  std::uint64_t sectors_ = 0;
};

// The blocks in which two devices differ up to that sector, at most ten of them.
std::vector<std::uint64_t> differing_blocks(Disk& one, Disk& other, std::uint64_t sectors);

// Sectors read from, and written to, the device so far, by its own counters.
struct Traffic {
  std::uint64_t read = 0;
  std::uint64_t written = 0;
};
Traffic traffic_of(dev_t dev);

// One file of the device's folder in /sys, e.g. "queue/discard_max_bytes".
std::uint64_t sysfs_number(dev_t dev, const std::string& file);

// The exit status of a shell command.
int shell(const std::string& command);

}  // namespace dmjob::dm

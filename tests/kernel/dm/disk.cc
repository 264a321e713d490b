// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/kernel/dm/disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <system_error>

#include "dm/targets.h"

namespace dmjob::dm {
namespace {

constexpr std::size_t kChunk = 1 << 20;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

// Memory as direct I/O wants it.
std::unique_ptr<unsigned char, Free> aligned(std::size_t size) {
  return std::unique_ptr<unsigned char, Free>(
      static_cast<unsigned char*>(std::aligned_alloc(kBlock, size)));
}

off_t at(std::uint64_t block) { return static_cast<off_t>(block * kBlock); }

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Disk::Disk(const std::string& path) : path_(path), fd_(open(path.c_str(), O_RDWR | O_DIRECT)) {
  struct stat status{};
  std::uint64_t bytes = 0;
  if (fd_ < 0 || fstat(fd_, &status) != 0 || ioctl(fd_, BLKGETSIZE64, &bytes) != 0) fail(path);
  dev_ = status.st_rdev;
  sectors_ = bytes / 512;
}

Disk::~Disk() { close(fd_); }

int Disk::write_block(std::uint64_t block, unsigned char fill) {
  const auto buffer = aligned(kBlock);
  std::memset(buffer.get(), fill, kBlock);
  return pwrite(fd_, buffer.get(), kBlock, at(block)) == static_cast<ssize_t>(kBlock) ? 0 : errno;
}

int Disk::read_block(std::uint64_t block) {
  const auto buffer = aligned(kBlock);
  return pread(fd_, buffer.get(), kBlock, at(block)) == static_cast<ssize_t>(kBlock) ? 0 : errno;
}

namespace {

int change(int fd, unsigned long request, std::uint64_t block, std::uint64_t blocks) {
  std::uint64_t range[2] = {block * kBlock, blocks * kBlock};
  return ioctl(fd, request, range) == 0 ? 0 : errno;
}

}  // namespace

int Disk::discard(std::uint64_t block, std::uint64_t blocks) {
  return change(fd_, BLKDISCARD, block, blocks);
}

int Disk::secure_erase(std::uint64_t block, std::uint64_t blocks) {
  return change(fd_, BLKSECDISCARD, block, blocks);
}

int Disk::zero_out(std::uint64_t block, std::uint64_t blocks) {
  return change(fd_, BLKZEROOUT, block, blocks);
}

int Disk::fill_of(std::uint64_t block) {
  const auto buffer = aligned(kBlock);
  if (pread(fd_, buffer.get(), kBlock, at(block)) != static_cast<ssize_t>(kBlock)) return -1;
  const unsigned char first = *buffer;
  const bool same = std::all_of(buffer.get(), buffer.get() + kBlock,
                                [first](unsigned char byte) { return byte == first; });
  return same ? first : -1;
}

void Disk::fill_all(unsigned char fill) {
  const std::vector<std::byte> chunk(kChunk, static_cast<std::byte>(fill));
  for (std::uint64_t offset = 0; offset < sectors_ * 512; offset += kChunk) {
    write(offset, std::span(chunk).first(std::min<std::uint64_t>(kChunk, sectors_ * 512 - offset)));
  }
}

void Disk::write(std::uint64_t offset, std::span<const std::byte> data) {
  const auto buffer = aligned(data.size());
  std::memcpy(buffer.get(), data.data(), data.size());
  const auto written = pwrite(fd_, buffer.get(), data.size(), static_cast<off_t>(offset));
  if (written != static_cast<ssize_t>(data.size())) fail("write to " + path_);
}

std::vector<std::byte> Disk::read(std::uint64_t offset, std::size_t size) {
  const auto buffer = aligned(size);
  const auto got = pread(fd_, buffer.get(), size, static_cast<off_t>(offset));
  if (got != static_cast<ssize_t>(size)) fail("read of " + path_);
  std::vector<std::byte> data(size);
  std::memcpy(data.data(), buffer.get(), size);
  return data;
}

std::vector<std::uint64_t> differing_blocks(Disk& one, Disk& other, std::uint64_t sectors) {
  std::vector<std::uint64_t> found;
  const std::uint64_t bytes = sectors * 512;
  for (std::uint64_t offset = 0; offset < bytes && found.size() < 10; offset += kChunk) {
    const std::size_t size = std::min<std::uint64_t>(kChunk, bytes - offset);
    const auto left = one.read(offset, size);
    const auto right = other.read(offset, size);
    for (std::size_t i = 0; i < size && found.size() < 10; i += kBlock) {
      if (std::memcmp(&left[i], &right[i], kBlock) != 0) found.push_back((offset + i) / kBlock);
    }
  }
  return found;
}

Traffic traffic_of(dev_t dev) {
  std::ifstream file("/sys/dev/block/" + print_dev(dev) + "/stat");
  std::uint64_t field[7] = {};
  for (auto& value : field) file >> value;
  return {field[2], field[6]};
}

std::uint64_t sysfs_number(dev_t dev, const std::string& file) {
  std::uint64_t value = 0;
  std::ifstream("/sys/dev/block/" + print_dev(dev) + '/' + file) >> value;
  return value;
}

int shell(const std::string& command) {
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace dmjob::dm

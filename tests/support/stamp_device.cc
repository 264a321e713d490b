// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/stamp_device.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>

namespace dmjob::stamp {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// A file on a tmpfs takes no O_DIRECT; there is no cache to get past either.
int open_direct(const std::string& path, int flags) {
  int fd = ::open(path.c_str(), flags | O_DIRECT | O_CLOEXEC);
  if (fd < 0 && errno == EINVAL) fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) fail(path);
  return fd;
}

void expect_whole(ssize_t done, std::size_t size, const char* what, std::uint64_t block) {
  const std::string where = std::string(what) + " of block " + std::to_string(block);
  if (done < 0) fail(where);
  if (static_cast<std::size_t>(done) != size) {
    errno = EIO;
    fail("short " + where);
  }
}

}  // namespace

Buffer::Buffer(std::size_t size)
    : memory_(static_cast<std::byte*>(std::aligned_alloc(4096, size))) {
  if (!memory_) throw std::bad_alloc();
}

Device::Device(const std::string& path, int flags, Range range)
    : fd_(open_direct(path, flags)),
      block_size_(range.block_size),
      first_(range.offset / range.block_size),
      end_(0) {
  const auto size = static_cast<std::uint64_t>(::lseek(fd_, 0, SEEK_END));
  const std::uint64_t end = range.length == 0 ? size : range.offset + range.length;
  end_ = end / block_size_;
  if (range.offset % block_size_ != 0 || end > size || first_ >= end_) {
    ::close(fd_);
    throw std::invalid_argument(path + ": no such range, or not in whole blocks");
  }
}

Device::~Device() { ::close(fd_); }

void Device::read(std::uint64_t block, std::span<std::byte> bytes) const {
  expect_whole(::pread(fd_, bytes.data(), bytes.size(), position(block)), bytes.size(), "read",
               block);
}

void Device::write(std::uint64_t block, std::span<const std::byte> bytes) {
  expect_whole(::pwrite(fd_, bytes.data(), bytes.size(), position(block)), bytes.size(), "write",
               block);
}

void Device::sync() {
  if (::fsync(fd_) != 0) fail("fsync");
}

}  // namespace dmjob::stamp

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/io/temporary.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/blkpg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace dmjob::test {

TemporaryFolder::TemporaryFolder() {
  path_ = ::testing::TempDir() + "dmjob-test-XXXXXX";
  if (mkdtemp(path_.data()) == nullptr) io::throw_last_error(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::file(const std::string& name, std::uint64_t size) const {
  const std::string path = path_ + "/" + name;
  const io::Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd || ftruncate(fd.get(), static_cast<off_t>(size)) != 0) io::throw_last_error(path);
  return path;
}

LoopDevice::LoopDevice(const std::string& file, const Options& options) {
  const io::Fd backing(open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (!backing) io::throw_last_error(file);
  const io::Fd control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) io::throw_last_error("this test needs root and loop devices: /dev/loop-control");
  loop_config config{};
  config.fd = static_cast<unsigned>(backing.get());
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR | options.flags;
  config.info.lo_offset = options.offset;
  config.info.lo_sizelimit = options.limit;
  for (;;) {  // another test may be faster with the same number
    const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) io::throw_last_error("LOOP_CTL_GET_FREE");
    path_ = "/dev/loop" + std::to_string(number);
    fd_ = io::Fd(open(path_.c_str(), O_RDWR | O_CLOEXEC));
    if (fd_ && ioctl(fd_.get(), LOOP_CONFIGURE, &config) == 0) return;
    if (errno != EBUSY) io::throw_last_error(path_);
  }
}

std::string LoopDevice::name() const { return path_.substr(std::strlen("/dev/")); }

dev_t LoopDevice::dev() const {
  struct stat facts{};
  if (fstat(fd_.get(), &facts) != 0) io::throw_last_error(path_);
  return facts.st_rdev;
}

std::string LoopDevice::add_partition(std::uint64_t offset, std::uint64_t length) {
  blkpg_partition partition{};
  partition.start = static_cast<long long>(offset);
  partition.length = static_cast<long long>(length);
  partition.pno = 1;
  blkpg_ioctl_arg argument{BLKPG_ADD_PARTITION, 0, sizeof partition, &partition};
  if (ioctl(fd_.get(), BLKPG, &argument) != 0) io::throw_last_error(path_ + ": BLKPG");
  return path_ + "p1";
}

std::vector<std::byte> pattern(std::uint64_t size, std::uint64_t seed) {
  std::vector<std::byte> bytes(size);
  for (std::uint64_t at = 0; at < size; at += sizeof at) {
    const std::uint64_t word = (seed << 48) + at + 1;
    std::memcpy(&bytes[at], &word, std::min<std::uint64_t>(sizeof word, size - at));
  }
  return bytes;
}

io::AlignedBuffer aligned(std::span<const std::byte> bytes) {
  io::AlignedBuffer buffer(bytes.size());
  std::ranges::copy(bytes, buffer.bytes().begin());
  return buffer;
}

void write_file(const std::string& path, std::span<const std::byte> bytes, std::uint64_t offset) {
  const io::Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) !=
                 static_cast<ssize_t>(bytes.size())) {
    io::throw_last_error(path);
  }
}

std::vector<std::byte> read_file(const std::string& path) {
  const io::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<std::byte> bytes(std::filesystem::file_size(path));
  if (!fd || read(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    io::throw_last_error(path);
  }
  return bytes;
}

}  // namespace dmjob::test

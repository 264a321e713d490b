// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/block_device.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>

#include "libjob/io/aio_ring.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/fd.h"
#include "libjob/io/sysfs.h"

namespace dmjob::io {
namespace {

constexpr std::size_t kZeroBuffer = 1 << 20;

class DirectDevice : public BlockDevice {
 public:
  DirectDevice(std::string path, Fd fd, const AioFile& file, bool is_file)
      : path_(std::move(path)), fd_(std::move(fd)), file_(file), is_file_(is_file) {}

  std::uint64_t size() const override { return file_.size; }
  std::uint32_t alignment() const override { return file_.alignment; }
  const std::string& path() const override { return path_; }
  bool is_file() const override { return is_file_; }

  std::error_code read(std::uint64_t offset, std::span<std::byte> into) override;
  std::error_code write(std::uint64_t offset, std::span<const std::byte> from) override;
  std::error_code write_zeroes(std::uint64_t offset, std::uint64_t length) override;
  std::error_code flush() override;
  std::unique_ptr<RequestQueue> make_queue(unsigned depth) override {
    return std::make_unique<AioRing>(file_, depth);
  }

 private:
  bool zero_fast(std::uint64_t offset, std::uint64_t length);

  std::string path_;
  Fd fd_;
  AioFile file_;  // its descriptor is fd_
  bool is_file_;
};

// The transfer of `length` bytes by `once(done)`, which returns what read() and write() do.
template <typename Once>
std::error_code transfer(std::size_t length, Once once) {
  for (std::size_t done = 0; done < length;) {
    const ssize_t result = once(done);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) return last_error();
    if (result == 0) return std::make_error_code(std::errc::io_error);
    done += static_cast<std::size_t>(result);
  }
  return {};
}

off_t at(std::uint64_t offset) { return static_cast<off_t>(offset); }

std::error_code DirectDevice::read(std::uint64_t offset, std::span<std::byte> into) {
  const std::size_t present = present_bytes(file_, offset, into.size());
  // The length asked for stays aligned, though only `present` bytes are there.
  const std::error_code error = transfer(present, [&](std::size_t done) {
    return pread(fd_.get(), into.data() + done, into.size() - done, at(offset + done));
  });
  if (!error) std::ranges::fill(into.subspan(present), std::byte{0});
  return error;
}

std::error_code DirectDevice::write(std::uint64_t offset, std::span<const std::byte> from) {
  const std::error_code error = transfer(from.size(), [&](std::size_t done) {
    return pwrite(fd_.get(), from.data() + done, from.size() - done, at(offset + done));
  });
  return error ? error : cut_to_size(file_, offset + from.size());
}

bool DirectDevice::zero_fast(std::uint64_t offset, std::uint64_t length) {
  if (is_file_) {
    return fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at(offset),
                     at(length)) == 0;
  }
  std::array<std::uint64_t, 2> range{offset, length};
  return ioctl(fd_.get(), BLKZEROOUT, range.data()) == 0;
}

std::error_code DirectDevice::write_zeroes(std::uint64_t offset, std::uint64_t length) {
  if (length == 0 || zero_fast(offset, length)) return {};
  const AlignedBuffer zeroes(std::min<std::uint64_t>(length, kZeroBuffer));
  for (std::uint64_t done = 0; done < length;) {
    const std::uint64_t part = std::min<std::uint64_t>(length - done, zeroes.size());
    if (const auto error = write(offset + done, zeroes.bytes().first(part))) return error;
    done += part;
  }
  return {};
}

std::error_code DirectDevice::flush() {
  return fdatasync(fd_.get()) == 0 ? std::error_code() : last_error();
}

struct stat facts_of(int fd, const std::string& path) {
  struct stat facts{};
  if (fstat(fd, &facts) != 0) throw_last_error(path);
  return facts;
}

Fd open_direct(const std::string& path, Access access) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) throw_last_error(path);
  if (!S_ISBLK(facts.st_mode) && !S_ISREG(facts.st_mode)) {
    throw_error(EINVAL, path + ": neither a disk nor a regular file");
  }
  const int mode = access == Access::kRead ? O_RDONLY : O_RDWR;
  Fd fd(open(path.c_str(), mode | O_DIRECT | O_CLOEXEC));
  if (!fd && errno == EINVAL) {
    throw_error(EINVAL, path + ": its file system does not support direct I/O (O_DIRECT)");
  }
  if (!fd) throw_last_error(path);
  return fd;
}

std::uint64_t size_of(int fd, const struct stat& facts, const std::string& path) {
  if (!S_ISBLK(facts.st_mode)) return static_cast<std::uint64_t>(facts.st_size);
  std::uint64_t size = 0;
  if (ioctl(fd, BLKGETSIZE64, &size) != 0) throw_last_error(path + ": BLKGETSIZE64");
  return size;
}

}  // namespace

std::unique_ptr<BlockDevice> open_device(const std::string& path, Access access) {
  Fd fd = open_direct(path, access);
  const struct stat facts = facts_of(fd.get(), path);
  AioFile file;
  file.fd = fd.get();
  file.size = size_of(fd.get(), facts, path);
  file.alignment = direct_io_alignment(fd.get());
  if (file.alignment == 0) {
    throw_error(EINVAL, path + ": its file system does not support direct I/O on this file");
  }
  const bool is_file = S_ISREG(facts.st_mode);
  file.has_partial_block = is_file && file.size % file.alignment != 0;
  return std::make_unique<DirectDevice>(path, std::move(fd), file, is_file);
}

std::unique_ptr<BlockDevice> open_device(dev_t dev, Access access) {
  const std::string path = device_path(dev);
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) throw_last_error(path);
  if (!S_ISBLK(facts.st_mode) || facts.st_rdev != dev) {
    throw_error(ENODEV, path + ": is not device " + sysfs::number(dev));
  }
  return open_device(path, access);
}

std::string device_path(dev_t dev) {
  const std::string name = sysfs::kernel_name(dev);
  if (name.empty()) throw_error(ENODEV, "device " + sysfs::number(dev));
  return "/dev/" + name;
}

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace dmjob::io {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Closes what is still in it.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string backing_file(const std::filesystem::path& sys_folder) {
  std::ifstream stream(sys_folder / "loop/backing_file");
  std::string line;
  std::getline(stream, line);
  return line;
}

}  // namespace

LoopDevice::LoopDevice(LoopDevice&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

LoopDevice& LoopDevice::operator=(LoopDevice&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

LoopDevice::~LoopDevice() {
  if (fd_ >= 0) close(fd_);
}

std::optional<LoopDevice> LoopDevice::find(const std::string& file) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", ignored)) {
    if (backing_file(entry.path()) != file) continue;
    std::string path = "/dev/" + entry.path().filename().string();
    int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    // Open before the second look: from here on it cannot go away, and it may have gone before.
    if (fd >= 0 && backing_file(entry.path()) == file) return LoopDevice(fd, path);
    if (fd >= 0) close(fd);
  }
  return std::nullopt;
}

// nullopt: somebody else took the free device first.
std::optional<LoopDevice> LoopDevice::try_set_up(int file_fd) {
  Descriptor control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (control.get() < 0) fail("/dev/loop-control (is the kernel module 'loop' there?)");
  int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
  if (number < 0) fail("no free loop device");
  std::string path = "/dev/loop" + std::to_string(number);
  Descriptor loop(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (loop.get() < 0) fail(path);
  loop_config config{};
  config.fd = static_cast<__u32>(file_fd);
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  if (ioctl(loop.get(), LOOP_CONFIGURE, &config) == 0) return LoopDevice(loop.release(), path);
  if (errno == EBUSY) return std::nullopt;
  fail(path);
}

LoopDevice LoopDevice::over(const std::string& file) {
  const std::string real = std::filesystem::canonical(file);
  if (auto found = find(real)) return std::move(*found);
  Descriptor file_fd(open(real.c_str(), O_RDWR | O_CLOEXEC));
  if (file_fd.get() < 0) fail(file);
  constexpr int kTries = 16;
  for (int i = 0; i < kTries; ++i)
    if (auto made = try_set_up(file_fd.get())) return std::move(*made);
  throw std::system_error(EBUSY, std::generic_category(), "every loop device is taken at once");
}

}  // namespace dmjob::io

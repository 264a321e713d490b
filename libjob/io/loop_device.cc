// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/loop_device.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

namespace dmjob::io {
namespace {

std::string backing_file(const std::filesystem::path& sys_folder) {
  std::ifstream stream(sys_folder / "loop/backing_file");
  std::string line;
  std::getline(stream, line);
  return line;
}

// Who had the device before may have set it read-only, which outlives the end of its use.
void let_write(const Fd& loop, const std::string& path) {
  const int off = 0;
  if (ioctl(loop.get(), BLKROSET, &off) != 0) throw_last_error(path);
}

}  // namespace

std::optional<LoopDevice> LoopDevice::find(const std::string& file) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/block", ignored)) {
    if (backing_file(entry.path()) != file) continue;
    std::string path = "/dev/" + entry.path().filename().string();
    Fd loop(open(path.c_str(), O_RDWR | O_CLOEXEC));
    // Open before the second look: from here on it cannot go away, and it may have gone before.
    if (loop && backing_file(entry.path()) == file) return LoopDevice(std::move(loop), path);
  }
  return std::nullopt;
}

// nullopt: somebody else took the free device first.
std::optional<LoopDevice> LoopDevice::try_set_up(int file_fd) {
  const Fd control(open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) throw_last_error("/dev/loop-control (is the kernel module 'loop' there?)");
  const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
  if (number < 0) throw_last_error("no free loop device");
  const std::string path = "/dev/loop" + std::to_string(number);
  Fd loop(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!loop) throw_last_error(path);
  loop_config config{};
  config.fd = static_cast<__u32>(file_fd);
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  if (ioctl(loop.get(), LOOP_CONFIGURE, &config) != 0) {
    if (errno == EBUSY) return std::nullopt;
    throw_last_error(path);
  }
  let_write(loop, path);
  return LoopDevice(std::move(loop), path);
}

LoopDevice LoopDevice::over(const std::string& file) {
  std::error_code missing;
  const std::string real = std::filesystem::canonical(file, missing);
  if (missing) throw_error(missing.value(), file);
  if (auto found = find(real)) return std::move(*found);
  const Fd file_fd(open(real.c_str(), O_RDWR | O_CLOEXEC));
  if (!file_fd) throw_last_error(file);
  constexpr int kTries = 16;
  for (int i = 0; i < kTries; ++i)
    if (auto made = try_set_up(file_fd.get())) return std::move(*made);
  throw_error(EBUSY, "every loop device is taken at once");
}

}  // namespace dmjob::io

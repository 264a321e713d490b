// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/loop_device.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "libjob/io/block_device.h"
#include "libjob/io/sysfs.h"
#include "libjob/io/units.h"

namespace dmjob::io {
namespace {

// Nothing of the file is left out, and it may be written to: the loop device is as good as one that
// we set up. Its own word for the file does not count, since a path says another thing in another
// namespace, and the same for a file that was deleted and made anew.
bool is_whole(int loop, const struct stat& file) {
  const auto info = loop_info(loop);
  std::uint64_t bytes = 0;
  return info && is_over(*info, file) && info->lo_offset == 0 && info->lo_sizelimit == 0 &&
         (info->lo_flags & LO_FLAGS_READ_ONLY) == 0 && ioctl(loop, BLKGETSIZE64, &bytes) == 0 &&
         bytes == static_cast<std::uint64_t>(file.st_size) / kSector * kSector;
}

// Who had the device before may have set it read-only, which outlives the end of its use.
void let_write(const Fd& loop, const std::string& path) {
  const int off = 0;
  if (ioctl(loop.get(), BLKROSET, &off) != 0) throw_last_error(path);
}

}  // namespace

std::optional<loop_info64> loop_info(int loop) {
  loop_info64 info{};
  if (ioctl(loop, LOOP_GET_STATUS64, &info) != 0) return std::nullopt;
  return info;
}

bool is_over(const loop_info64& info, const struct stat& file) {
  return info.lo_device == file.st_dev && info.lo_inode == file.st_ino;
}

bool is_file_at(dev_t loop, const std::string& path) {
  const Fd fd(open(device_path(loop).c_str(), O_RDONLY | O_CLOEXEC));
  const auto info = fd ? loop_info(fd.get()) : std::nullopt;
  if (!info) throw_error(ENXIO, "device " + sysfs::number(loop) + " has no file");
  struct stat file{};
  return stat(path.c_str(), &file) == 0 && is_over(*info, file);
}

std::string place_of_file(dev_t loop) {
  return sysfs::first_line(sysfs::folder(loop) + "/loop/backing_file");
}

std::vector<std::string> bound_loops() {
  std::vector<std::string> found;
  for (const std::string& name : sysfs::names_in("/sys/block"))
    if (!sysfs::first_line("/sys/block/" + name + "/loop/backing_file").empty())
      found.push_back("/dev/" + name);
  return found;
}

// Looked at for reading only, since closing what was open for writing makes udev probe it.
std::optional<LoopDevice> LoopDevice::find(int file_fd) {
  struct stat file{};
  if (fstat(file_fd, &file) != 0) throw_last_error("a file below a loop device");
  for (const std::string& path : bound_loops()) {
    const Fd look(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!look || !is_whole(look.get(), file)) continue;
    // Open, it cannot go away any more; it may have gone before.
    Fd loop(open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (loop && is_whole(loop.get(), file)) return LoopDevice(std::move(loop), path);
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

LoopDevice LoopDevice::at(dev_t loop) {
  const std::string path = device_path(loop);
  Fd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) throw_last_error(path);
  if (!loop_info(fd.get())) throw_error(ENXIO, path + " has no file");
  return {std::move(fd), path};
}

LoopDevice LoopDevice::over(const std::string& file) {
  std::error_code missing;
  const std::string real = std::filesystem::canonical(file, missing);
  if (missing) throw_error(missing.value(), file);
  const Fd file_fd(open(real.c_str(), O_RDWR | O_CLOEXEC));
  if (!file_fd) throw_last_error(file);
  if (auto found = find(file_fd.get())) return std::move(*found);
  constexpr int kTries = 16;
  for (int i = 0; i < kTries; ++i)
    if (auto made = try_set_up(file_fd.get())) return std::move(*made);
  throw_error(EBUSY, "every loop device is taken at once");
}

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What lies under a device, read from /sys.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "libjob/io/disk_search.h"
#include "libjob/io/fd.h"
#include "libjob/io/loop_device.h"
#include "libjob/io/probe.h"
#include "libjob/io/sysfs.h"

namespace dmjob::io {
namespace {

// Of a file system whose number is anonymous: the disk of a mount that has this number.
std::optional<dev_t> disk_of_anonymous(dev_t number) {
  for (const sysfs::Mount& mount : sysfs::mounts()) {
    if (!mount.source.starts_with("/dev/")) continue;
    struct stat point{};
    struct stat source{};
    if (stat(mount.point.c_str(), &point) == 0 && point.st_dev == number &&
        stat(mount.source.c_str(), &source) == 0 && S_ISBLK(source.st_mode))
      return source.st_rdev;
  }
  return std::nullopt;
}

// The disk of a loop device's file; asked of the device, since the path of the file may lead to
// another one by now, or in our namespace.
std::optional<dev_t> below_loop(dev_t loop) {
  const std::string file = sysfs::first_line(sysfs::folder(loop) + "/loop/backing_file");
  if (file.empty()) return std::nullopt;
  const std::string node = "/dev/" + sysfs::kernel_name(loop);
  const Fd fd(open(node.c_str(), O_RDONLY | O_CLOEXEC));
  const auto info = fd ? loop_info(fd.get()) : std::nullopt;
  if (!info) return std::nullopt;
  if (info->lo_rdevice != 0) return static_cast<dev_t>(info->lo_rdevice);
  const auto dev = static_cast<dev_t>(info->lo_device);
  if (major(dev) != 0) return dev;
  struct stat facts{};
  const bool is_its_path = stat(file.c_str(), &facts) == 0 && is_over(*info, facts);
  return is_its_path ? sysfs::disk_of_file(file) : disk_of_anonymous(dev);
}

std::vector<dev_t> directly_below(dev_t dev) {
  std::vector<dev_t> below;
  const auto add = [&](std::optional<dev_t> found) {
    if (found) below.push_back(*found);
  };
  if (sysfs::is_partition(dev)) add(sysfs::whole_disk(dev));
  const std::string slaves = sysfs::folder(dev) + "/slaves";
  for (const std::string& name : sysfs::names_in(slaves)) {
    add(sysfs::parse_number(sysfs::first_line(slaves + "/" + name + "/dev")));
  }
  add(below_loop(dev));
  return below;
}

bool contains(const std::vector<dev_t>& devices, dev_t dev) {
  return std::ranges::find(devices, dev) != devices.end();
}

}  // namespace

// 0 is no device.
std::vector<dev_t> stands_on(dev_t dev) { return stands_on_above(dev, 0); }

std::vector<dev_t> stands_on_above(dev_t dev, dev_t end) {
  std::vector<dev_t> found{dev};
  for (std::size_t at = 0; at < found.size(); ++at) {
    if (found[at] == end) continue;
    for (const dev_t below : directly_below(found[at])) {
      if (!contains(found, below)) found.push_back(below);
    }
  }
  return found;
}

bool overlaps(dev_t a, dev_t b) { return contains(stands_on(a), b) || contains(stands_on(b), a); }

}  // namespace dmjob::io

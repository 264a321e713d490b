// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What lies under a device, read from /sys.
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "libjob/io/fd.h"
#include "libjob/io/probe.h"
#include "libjob/io/sysfs.h"

namespace dmjob::io {
namespace {

// The disk of a loop device's file; asked of the device, since the file may have been renamed.
std::optional<dev_t> below_loop(dev_t loop) {
  const std::string file = sysfs::first_line(sysfs::folder(loop) + "/loop/backing_file");
  if (file.empty()) return std::nullopt;
  const std::string node = "/dev/" + sysfs::kernel_name(loop);
  const Fd fd(open(node.c_str(), O_RDONLY | O_CLOEXEC));
  loop_info64 info{};
  if (fd && ioctl(fd.get(), LOOP_GET_STATUS64, &info) == 0) {
    if (info.lo_rdevice != 0) return static_cast<dev_t>(info.lo_rdevice);
    const auto dev = static_cast<dev_t>(info.lo_device);
    if (major(dev) != 0) return dev;
  }
  struct stat facts{};
  if (stat(file.c_str(), &facts) == 0 && S_ISBLK(facts.st_mode)) return facts.st_rdev;
  return sysfs::disk_of_file(file);
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

std::vector<dev_t> stands_on(dev_t dev) {
  std::vector<dev_t> found{dev};
  for (std::size_t at = 0; at < found.size(); ++at) {
    for (const dev_t below : directly_below(found[at])) {
      if (!contains(found, below)) found.push_back(below);
    }
  }
  return found;
}

bool overlaps(dev_t a, dev_t b) { return contains(stands_on(a), b) || contains(stands_on(b), a); }

}  // namespace dmjob::io

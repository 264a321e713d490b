// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/mounted.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <string_view>

#include "libjob/io/file_system_ground.h"
#include "libjob/io/loop_device.h"

namespace dmjob::io {
namespace {

bool is_node(const std::string& path) { return path.starts_with("/dev/"); }

// Those without a number of a disk name one as what they are mounted from. A btrfs would have to be
// asked itself which others it has; the kernel's table tells it, too.
std::vector<dev_t> disks_of(const sysfs::Mount& mount, dev_t number) {
  if (major(number) != 0) return {number};
  if (!is_node(mount.source)) return {};
  if (mount.type == "btrfs") return disks_of_btrfs(sysfs::disk_at(mount.source));
  return ground_of(mount, mount.point, number).disks;
}

Mounted of_mount(const sysfs::Mount& mount, dev_t number) {
  Mounted mounted;
  mounted.number = number;
  mounted.type = mount.type;
  mounted.read_only = mount.options == "ro" || mount.options.starts_with("ro,");
  mounted.disks = disks_of(mount, number);
  return mounted;
}

bool is_within(const std::string& path, const std::string& folder) {
  return folder == "/" ||
         (path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/'));
}

// That of the last mount on the way to the path, which hides those before it.
dev_t number_of_file_system(const std::vector<sysfs::Mount>& mounts, const std::string& path) {
  const sysfs::Mount* found = nullptr;
  for (const sysfs::Mount& mount : mounts)
    if (is_within(path, mount.point) && (!found || mount.point.size() >= found->point.size()))
      found = &mount;
  return found ? sysfs::parse_number(found->number).value_or(0) : 0;
}

}  // namespace

std::vector<Mounted> mounted_on_disks(const std::vector<sysfs::Mount>& mounts) {
  std::vector<Mounted> all;
  for (const sysfs::Mount& mount : mounts) {
    const auto number = sysfs::parse_number(mount.number);
    if (!number) continue;
    auto known = std::ranges::find(all, *number, &Mounted::number);
    if (known == all.end()) known = all.insert(all.end(), of_mount(mount, *number));
    if (std::ranges::find(known->points, mount.point) == known->points.end())
      known->points.push_back(mount.point);
  }
  std::erase_if(all, [](const Mounted& one) { return one.disks.empty(); });
  return all;
}

std::vector<LoopFile> place_loops(const std::vector<sysfs::Mount>& mounts,
                                  const std::vector<std::pair<dev_t, std::string>>& files) {
  std::vector<LoopFile> loops;
  for (const auto& [loop, file] : files) {
    const dev_t disk = is_node(file) ? sysfs::disk_at(file) : 0;
    loops.push_back({loop, disk != 0 ? disk : number_of_file_system(mounts, file)});
  }
  return loops;
}

MountTable read_mount_table() {
  std::vector<std::pair<dev_t, std::string>> files;
  for (const std::string& path : bound_loops())
    if (const dev_t loop = sysfs::disk_at(path)) files.emplace_back(loop, place_of_file(loop));
  const std::vector<sysfs::Mount> mounts = sysfs::mounts();
  return {mounted_on_disks(mounts), place_loops(mounts, files)};
}

}  // namespace dmjob::io

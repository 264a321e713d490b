// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/stable_path.h"

#include <filesystem>
#include <system_error>

#include "libjob/io/sysfs.h"
#include "libjob/io/udev_database.h"

namespace dmjob::io {
namespace {

std::optional<std::string> link_in(const char* folder, dev_t dev) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (!is_link_of_contents(entry.path()) && sysfs::disk_at(entry.path()) == dev)
      return entry.path();
  return std::nullopt;
}

}  // namespace

std::string stable_path(const std::string& path) {
  const dev_t disk = sysfs::disk_at(path);
  return disk != 0 ? lasting_path(disk, path).value_or(path) : path;
}

// A dm device can be renamed, and by-id has links by name, too. The links by what a disk holds, and
// those of a partition by its entry in the table, are the volume's as soon as there is one.
std::optional<std::string> lasting_path(dev_t disk, const std::string& path) {
  const auto leads_there = [disk](const std::string& name) { return sysfs::disk_at(name) == disk; };
  const std::string folder = sysfs::folder(disk) + "/dm/";
  std::string by_uuid = "/dev/disk/by-id/dm-uuid-" + sysfs::first_line(folder + "uuid");
  const std::string by_name = "/dev/mapper/" + sysfs::first_line(folder + "name");
  const bool is_of_contents = is_link_of_contents(path);
  if (path.starts_with("/dev/disk/") && !is_of_contents && leads_there(path)) return path;
  if (leads_there(by_uuid)) return by_uuid;
  for (const char* links : {"/dev/disk/by-id", "/dev/disk/by-path"})
    if (auto link = link_in(links, disk)) return link;
  if (!is_of_contents && leads_there(path)) return path;
  std::string node = "/dev/" + sysfs::kernel_name(disk);
  if (is_of_contents && leads_there(node)) return node;
  return leads_there(by_name) ? std::optional(by_name) : std::nullopt;
}

}  // namespace dmjob::io

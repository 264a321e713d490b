// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/boot_lines.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "libjob/io/blkid_values.h"
#include "libjob/io/disk_identity.h"
#include "libjob/io/sysfs.h"
#include "libjob/io/udev_database.h"

namespace dmjob::volumes {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTags{{
    {"UUID=", "/dev/disk/by-uuid/"},
    {"LABEL=", "/dev/disk/by-label/"},
    {"PARTUUID=", "/dev/disk/by-partuuid/"},
    {"PARTLABEL=", "/dev/disk/by-partlabel/"},
}};

// "" if it names no disk.
std::string path_of(const std::string& name) {
  for (const auto& [tag, folder] : kTags) {
    if (!name.starts_with(tag)) continue;
    std::string value = name.substr(tag.size());
    std::erase(value, '"');
    return std::string(folder) + io::blkid_encoded(value);
  }
  return name.starts_with("/dev/") ? name : "";
}

void add(std::vector<BootLine>& lines, std::string place, const std::string& name, bool in_initrd) {
  std::string path = path_of(name);
  if (path.empty()) return;
  lines.push_back({std::move(place), name, std::move(path), in_initrd});
}

// column: of the disk, from 0.
void add_table(std::vector<BootLine>& lines, const char* file, const std::string& text,
               int column) {
  std::istringstream stream(text);
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i <= column; ++i) words >> word;
    if (!words || line.find_first_not_of(" \t") == line.find('#')) continue;
    add(lines, std::string(file) + " line " + std::to_string(number),
        io::sysfs::unescape_octal(word), false);
  }
}

bool leads_to_or_into(const BootLine& line, dev_t disk) {
  const dev_t named = io::sysfs::disk_at(line.path);
  if (named == 0 || disk == 0) return false;
  return named == disk || std::ranges::count(io::sysfs::partitions(disk), named) > 0;
}

std::string warning_of_path(const BootLine& line, const HiddenDisk& disk) {
  return line.place + " names " + line.name +
         ", a disk that is hidden because it holds what volume '" + disk.volume +
         "' holds: write /dev/mapper/" + disk.volume + " there";
}

std::string warning_of_contents(const BootLine& line, const HiddenDisk& disk) {
  const std::string why = line.in_initrd
                              ? ", since the initial RAM disk does not know the rules of dmjobd"
                              : " until dmjobd has started, since that disk tells no serial number";
  return line.place + " names volume '" + disk.volume + "' by " + line.name + ", which may be " +
         disk.path + " at a boot" + why + ": write /dev/mapper/" + disk.volume + " there";
}

}  // namespace

std::vector<BootLine> parse_boot_lines(const std::string& fstab, const std::string& crypttab,
                                       const std::string& command_line) {
  std::vector<BootLine> lines;
  add_table(lines, "/etc/fstab", fstab, 0);
  add_table(lines, "/etc/crypttab", crypttab, 1);
  std::istringstream words(command_line);
  for (std::string word; words >> word;)
    if (const auto equals = word.find('='); equals != std::string::npos)
      add(lines, "the kernel command line", word.substr(equals + 1), true);
  return lines;
}

std::vector<BootLine> boot_lines() {
  using io::sysfs::content_of;
  return parse_boot_lines(content_of("/etc/fstab"), content_of("/etc/crypttab"),
                          content_of("/proc/cmdline"));
}

std::vector<std::string> boot_warnings(const std::vector<BootLine>& lines,
                                       const std::vector<HiddenDisk>& disks) {
  std::vector<std::string> warnings;
  for (const HiddenDisk& disk : disks) {
    if (disk.volume.empty()) continue;
    const dev_t number = io::sysfs::disk_at(disk.path);
    const dev_t volume = io::sysfs::disk_at("/dev/mapper/" + disk.volume);
    for (const BootLine& line : lines) {
      const bool is_seen = line.in_initrd || !io::tells_who_it_is(disk.disk);
      if (!io::is_link_of_contents(line.path) && leads_to_or_into(line, number))
        warnings.push_back(warning_of_path(line, disk));
      else if (io::is_link_of_contents(line.path) && is_seen && leads_to_or_into(line, volume))
        warnings.push_back(warning_of_contents(line, disk));
    }
  }
  return warnings;
}

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/file_system_ground.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string_view>

#include "libjob/io/fd.h"

namespace dmjob::io {
namespace {

constexpr std::array<std::string_view, 5> kMemory{"devtmpfs", "hugetlbfs", "ramfs", "rootfs",
                                                  "tmpfs"};
// 9p, virtiofs, hostfs: the host of a virtual machine.
constexpr std::array<std::string_view, 11> kOtherHosts{
    "9p",     "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs",
    "hostfs", "nfs", "nfs4", "smb3", "virtiofs"};

bool is_one_of(std::string_view type, const auto& types) {
  return std::ranges::find(types, type) != types.end();
}

// Of "rw,lowerdir=/a:/b,upperdir=/c"; several, if it is there several times.
std::vector<std::string> values_of(const sysfs::Mount& mount, std::string_view key) {
  std::vector<std::string> values;
  std::istringstream options(mount.options);
  for (std::string option; std::getline(options, option, ',');) {
    const std::size_t equals = option.find('=');
    if (equals != std::string::npos && std::string_view(option).substr(0, equals) == key)
      values.push_back(sysfs::unescape_octal(option.substr(equals + 1)));
  }
  return values;
}

// "/a:/b", where "\:" is a colon.
std::vector<std::string> split_at_colons(const std::string& text) {
  std::vector<std::string> parts(1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ':') {
      parts.emplace_back();
      continue;
    }
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    parts.back() += text[at];
  }
  std::erase(parts, "");  // "::" begins layers that hold data only
  return parts;
}

// --- kinds of file systems ---

std::string type_of(const sysfs::Mount& mount) { return mount.point + " is of type " + mount.type; }

// Folders as they were named when it was mounted: they may be those of another root by now.
Ground overlay(const sysfs::Mount& mount) {
  Ground ground;
  for (const char* const key : {"lowerdir", "upperdir", "workdir"})
    for (const std::string& value : values_of(mount, key))
      for (std::string& folder : split_at_colons(value))
        ground.folders.push_back(std::move(folder));
  for (const char* const key : {"lowerdir+", "datadir+"})  // one each
    for (std::string& folder : values_of(mount, key)) ground.folders.push_back(std::move(folder));
  for (const std::string& folder : ground.folders) {
    std::error_code ignored;
    if (!folder.starts_with('/') || !std::filesystem::exists(folder, ignored))
      ground.unknown = type_of(mount) + ", made of " + folder + ", which cannot be found";
  }
  if (ground.folders.empty()) ground.unknown = type_of(mount);
  return ground;
}

std::string uuid_in_words(const std::uint8_t* bytes) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (int at = 0; at < 16; ++at) {
    if (at == 4 || at == 6 || at == 8 || at == 10) text += '-';
    text += kHex[bytes[at] >> 4];
    text += kHex[bytes[at] & 15];
  }
  return text;
}

constexpr const char* kOfBtrfs = "/sys/fs/btrfs/";  // a folder for each, by its UUID

std::vector<dev_t> disks_of_btrfs(const std::string& uuid) {
  std::vector<dev_t> disks;
  const std::string devices = kOfBtrfs + uuid + "/devices";
  for (const std::string& name : sysfs::names_in(devices))
    if (const auto disk = sysfs::parse_number(sysfs::first_line(devices + "/" + name + "/dev")))
      disks.push_back(*disk);
  return disks;
}

Ground btrfs(const sysfs::Mount& mount, const std::string& inside) {
  Ground ground;
  const Fd fd(open(inside.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  btrfs_ioctl_fs_info_args info{};
  if (fd && ioctl(fd.get(), BTRFS_IOC_FS_INFO, &info) == 0)
    ground.disks = disks_of_btrfs(uuid_in_words(info.fsid));
  if (ground.disks.empty()) ground.unknown = type_of(mount) + ", which does not tell its disks";
  return ground;
}

// bcachefs names all its disks: "/dev/sda:/dev/sdb".
Ground of_source(const sysfs::Mount& mount) {
  Ground ground;
  for (const std::string& path : split_at_colons(mount.source)) {
    if (const dev_t disk = path.starts_with('/') ? sysfs::disk_at(path) : 0)
      ground.disks.push_back(disk);
    else
      ground.unknown = type_of(mount);
  }
  if (ground.disks.empty()) ground.unknown = type_of(mount);
  return ground;
}

// One that this host serves to itself may lie anywhere.
Ground of_other_host(const sysfs::Mount& mount) {
  Ground ground;
  for (const std::string& address : values_of(mount, "addr"))
    if (address.starts_with("127.") || address == "::1")
      ground.unknown = type_of(mount) + ", served by this host itself";
  return ground;
}

// XFS may keep its log, and the data of some files, on other disks.
Ground on_disk(const sysfs::Mount& mount, dev_t number) {
  Ground ground{.disks = {number}, .folders = {}, .unknown = {}};
  for (const char* const key : {"logdev", "rtdev"}) {
    for (const std::string& path : values_of(mount, key)) {
      if (const dev_t disk = sysfs::disk_at(path))
        ground.disks.push_back(disk);
      else
        ground.unknown = type_of(mount) + ", with " + key + " " + path + ", which cannot be found";
    }
  }
  return ground;
}

}  // namespace

Ground ground_of(const sysfs::Mount& mount, const std::string& inside, dev_t number) {
  if (major(number) != 0) return on_disk(mount, number);
  if (mount.type == "overlay") return overlay(mount);
  if (mount.type == "btrfs") return btrfs(mount, inside);
  if (mount.type == "ecryptfs") return {.disks = {}, .folders = {mount.source}, .unknown = {}};
  if (is_one_of(mount.type, kMemory)) return {};
  if (is_one_of(mount.type, kOtherHosts)) return of_other_host(mount);
  return of_source(mount);
}

std::vector<dev_t> disks_of_btrfs(dev_t disk) {
  for (const std::string& uuid : sysfs::names_in(kOfBtrfs))
    if (auto disks = disks_of_btrfs(uuid); std::ranges::find(disks, disk) != disks.end())
      return disks;
  return {};
}

}  // namespace dmjob::io

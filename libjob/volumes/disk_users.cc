// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/disk_users.h"

#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "dm/holders.h"
#include "dm/name.h"
#include "libjob/core/error.h"
#include "libjob/io/sysfs.h"

namespace dmjob::volumes {
namespace {

constexpr const char* kSwap = "swap";  // among the mount points of a probe

constexpr std::array kOwners = {
    std::pair{std::string_view("LVM-"), "LVM"},
    std::pair{std::string_view("CRYPT-"), "cryptsetup"},
    std::pair{std::string_view("mpath-"), "multipath"},
};

std::string device_in_words(const std::string& uuid) {
  if (uuid.starts_with(dm::kVolumeUuidPrefix)) return "dmjob's volume ";
  const std::string owner = owner_by_uuid(uuid);
  if (owner.empty()) return "device-mapper's ";
  return owner + (owner == "multipath" ? "'s map " : "'s volume ");
}

std::optional<DiskUser> by_mount(const std::vector<std::string>& points) {
  if (points.empty()) return std::nullopt;
  if (points.front() == kSwap) return DiskUser{"in use as swap", "swapoff it"};
  return DiskUser{"mounted on " + points.front(), "unmount it"};
}

std::optional<DiskUser> by_holder(const std::vector<std::string>& holders) {
  if (holders.empty()) return std::nullopt;
  return DiskUser{"held by " + holder_in_words(holders.front()), "release it"};
}

std::optional<DiskUser> user_of_itself(const io::ProbeResult& what) {
  if (auto user = by_mount(what.mounted_on)) return user;
  return by_holder(what.holders);
}

// A probe of a disk has the users of its partitions, too, and does not say of which.
std::optional<DiskUser> user_of_partition(dev_t disk) {
  for (const dev_t partition : io::sysfs::partitions(disk)) {
    const std::string name = io::sysfs::kernel_name(partition);
    const io::ProbeResult part = io::probe("/dev/" + name);
    if (auto user = user_of_itself(part))
      return DiskUser{"in use, since its partition " + name + " is " + user->how, user->cure};
  }
  return std::nullopt;
}

// "" if a disk or a file may be there.
std::string fault_of_path(const std::string& path) {
  std::error_code ignored;
  if (path.empty()) return "is no path";
  switch (std::filesystem::status(path, ignored).type()) {
    case std::filesystem::file_type::not_found:
      return std::filesystem::is_symlink(path, ignored)
                 ? "is a link that leads nowhere: mend it, or name what it should lead to"
                 : "is not there: No such file or directory";
    case std::filesystem::file_type::directory:
      return "is a folder: name a disk or a file";
    case std::filesystem::file_type::character:
    case std::filesystem::file_type::fifo:
    case std::filesystem::file_type::socket:
      return "is neither a disk nor a regular file: name one of these";
    default:
      return "";
  }
}

DiskUser by_process(dev_t disk) {
  const std::string who = dm::processes_with(disk);
  return {who.empty() ? "in use" : "in use (" + who + ")", "close what has it open"};
}

}  // namespace

std::string owner_by_uuid(const std::string& dm_uuid) {
  for (const auto& [prefix, owner] : kOwners)
    if (dm_uuid.starts_with(prefix)) return owner;
  return "";
}

std::string holder_in_words(const std::string& holder) {
  const std::string folder = "/sys/class/block/" + holder;
  const std::string name = io::sysfs::first_line(folder + "/dm/name");
  if (!name.empty())
    return holder + " (" + device_in_words(io::sysfs::first_line(folder + "/dm/uuid")) + name + ")";
  std::error_code ignored;
  return std::filesystem::exists(folder + "/md", ignored) ? holder + " (an array of md)" : holder;
}

io::ProbeResult probe_or_refuse(const std::string& path, const std::string& shown) {
  if (const std::string fault = fault_of_path(path); !fault.empty())
    throw core::Error(shown + " " + fault);
  try {
    return io::probe(path);
  } catch (const std::system_error& error) {
    throw core::Error(shown + ": " + error.code().message());
  }
}

std::optional<DiskUser> user_of(const io::ProbeResult& what) {
  const bool is_disk = what.kind == io::Kind::kBlockDevice;
  auto user = user_of_itself(what);
  if (user && is_disk)
    if (auto by_partition = user_of_partition(what.dev)) return by_partition;
  if (user) return user;
  if (is_disk && what.held_exclusively) return by_process(what.dev);
  return std::nullopt;
}

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/probe.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "libjob/io/blkid_values.h"
#include "libjob/io/fd.h"
#include "libjob/io/loop_device.h"
#include "libjob/io/sysfs.h"

namespace dmjob::io {
namespace {

constexpr std::uint32_t kFileBlock = 4096;

void add_once(std::vector<std::string>& list, const std::string& value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

void append(std::string& list, const std::string& word) {
  list += list.empty() ? word : ", " + word;
}

// All signatures, if there are several: "ext4, gpt". None of them may be taken for an empty disk.
std::string read_signature(int fd) {
  const BlkidProbe probe = blkid_probe_of(fd);
  if (!probe) return {};
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE);
  blkid_probe_enable_partitions(probe.get(), 1);
  std::vector<std::string> found;
  while (blkid_do_probe(probe.get()) == 0) {
    for (const char* const name : {"TYPE", "PTTYPE"}) {
      const std::string value = blkid_value(probe, name);
      if (!value.empty()) add_once(found, value);
    }
  }
  std::string joined;
  for (const std::string& word : found) append(joined, word);
  return joined;
}

// Mount points of a block device itself; btrfs mounts name it as their source only.
void add_mounts(dev_t dev, std::vector<std::string>& points) {
  for (const sysfs::Mount& mount : sysfs::mounts()) {
    struct stat source{};
    if (mount.number == sysfs::number(dev) ||
        (mount.source.starts_with('/') && stat(mount.source.c_str(), &source) == 0 &&
         S_ISBLK(source.st_mode) && source.st_rdev == dev)) {
      add_once(points, mount.point);
    }
  }
}

// "FILENAME TYPE SIZE USED PRIORITY" behind a heading.
bool is_swap(const struct stat& what) {
  std::ifstream file("/proc/swaps");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::string name;
    std::istringstream(line) >> name;
    struct stat swap{};
    if (stat(sysfs::unescape_octal(name).c_str(), &swap) != 0) continue;
    const bool same_file = swap.st_dev == what.st_dev && swap.st_ino == what.st_ino;
    if (S_ISBLK(swap.st_mode) ? swap.st_rdev == what.st_rdev : same_file) return true;
  }
  return false;
}

void add_users(dev_t dev, ProbeResult& result) {
  struct stat as_disk{};
  as_disk.st_rdev = dev;
  add_mounts(dev, result.mounted_on);
  if (is_swap(as_disk)) add_once(result.mounted_on, "swap");
  for (const std::string& name : sysfs::names_in(sysfs::folder(dev) + "/holders")) {
    add_once(result.holders, name);
  }
}

// The loop devices over a file.
void add_loops(const struct stat& file, std::vector<std::string>& holders) {
  for (const std::string& path : bound_loops()) {
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const auto info = fd ? loop_info(fd.get()) : std::nullopt;
    if (info && is_over(*info, file)) add_once(holders, path.substr(std::size("/dev/") - 1));
  }
}

bool open_is_refused_exclusively(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  return !fd && errno == EBUSY;
}

bool is_zoned(dev_t dev) {
  const dev_t whole = sysfs::is_partition(dev) ? sysfs::whole_disk(dev).value_or(dev) : dev;
  const std::string model = sysfs::first_line(sysfs::folder(whole) + "/queue/zoned");
  return !model.empty() && model != "none";
}

void probe_disk(int fd, const struct stat& facts, ProbeResult& result) {
  result.kind = Kind::kBlockDevice;
  result.dev = facts.st_rdev;
  result.name = sysfs::kernel_name(result.dev);
  if (ioctl(fd, BLKGETSIZE64, &result.size) != 0) throw_last_error(result.path);
  result.logical_block_size = direct_io_alignment(fd);
  int read_only = 0;
  result.read_only = ioctl(fd, BLKROGET, &read_only) == 0 && read_only != 0;
  result.zoned = is_zoned(result.dev);
  add_users(result.dev, result);
  for (const dev_t partition : sysfs::partitions(result.dev)) add_users(partition, result);
  result.held_exclusively = open_is_refused_exclusively(result.path);
  result.dm_name = sysfs::first_line(sysfs::folder(result.dev) + "/dm/name");
  result.dm_uuid = sysfs::first_line(sysfs::folder(result.dev) + "/dm/uuid");
}

void probe_file(int fd, const struct stat& facts, ProbeResult& result) {
  result.kind = Kind::kFile;
  result.dev = facts.st_dev;
  result.inode = facts.st_ino;
  result.size = static_cast<std::uint64_t>(facts.st_size);
  result.logical_block_size = direct_io_alignment(fd);
  if (result.logical_block_size == 0) result.logical_block_size = kFileBlock;
  result.read_only = access(result.path.c_str(), W_OK) != 0;
  if (is_swap(facts)) result.mounted_on.emplace_back("swap");
  add_loops(facts, result.holders);
}

}  // namespace

ProbeResult probe(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) throw_last_error(path);
  if (!S_ISBLK(facts.st_mode) && !S_ISREG(facts.st_mode)) {
    throw_error(EINVAL, path + ": neither a disk nor a regular file");
  }
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_last_error(path);
  ProbeResult result;
  result.path = path;
  S_ISBLK(facts.st_mode) ? probe_disk(fd.get(), facts, result)
                         : probe_file(fd.get(), facts, result);
  result.signature = read_signature(fd.get());
  return result;
}

}  // namespace dmjob::io

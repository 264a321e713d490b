// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/disk_identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>

#include "libjob/io/fd.h"
#include "libjob/io/loop_device.h"
#include "libjob/io/sysfs.h"
#include "libjob/io/udev_database.h"
#include "libjob/io/utf8.h"

namespace dmjob::io {
namespace {

// Files below /sys/dev/block/MAJ:MIN, of dm, NVMe, SCSI, md and virtio disks.
constexpr const char* kNames[] = {"dm/uuid", "wwid",   "device/wwid",
                                  "md/uuid", "serial", "device/serial"};

constexpr std::string_view kLoop = "loop=";
constexpr std::string_view kEntry = "partuuid=";
constexpr std::string_view kOldLoop = "loop/backing_file=";  // state files of 0.1 have it

// "loop=INODE OFFSET LIMIT PATH", that of the file. Two parts of one file are two disks, and a file
// that is made anew is another.
std::string name_of_loop(dev_t disk) {
  const std::string file = sysfs::first_line(sysfs::folder(disk) + "/loop/backing_file");
  if (file.empty()) return {};
  const Fd fd(open(("/dev/" + sysfs::kernel_name(disk)).c_str(), O_RDONLY | O_CLOEXEC));
  const auto info = fd ? loop_info(fd.get()) : std::nullopt;
  if (!info) return {};
  return std::string(kLoop) + std::to_string(info->lo_inode) + " " +
         std::to_string(info->lo_offset) + " " + std::to_string(info->lo_sizelimit) + " " + file;
}

bool is_same_old_loop(std::string_view before, std::string_view now) {
  return before.starts_with(kOldLoop) && now.starts_with(kLoop) &&
         now.ends_with(" " + std::string(before.substr(kOldLoop.size())));
}

// "partuuid=UUID", that of the partition's entry in its table.
std::string name_of_entry(dev_t partition) {
  const std::string uuid = partition_uuid(partition);
  return uuid.empty() ? "" : std::string(kEntry) + uuid;
}

// Files and serial numbers have any bytes, the state file has not.
std::string fit_to_be_stored(const std::string& name) {
  if (is_utf8(name)) return name;
  std::string plain;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    plain += byte < 0x80 ? std::string(1, c) : "\\" + std::to_string(byte);
  }
  return plain;
}

std::string lasting_name(dev_t disk) {
  if (std::string loop = name_of_loop(disk); !loop.empty()) return fit_to_be_stored(loop);
  for (const char* const name : kNames) {
    const std::string value = sysfs::first_line(sysfs::folder(disk) + "/" + name);
    if (!value.empty()) return fit_to_be_stored(std::string(name) + "=" + value);
  }
  return {};
}

}  // namespace

std::string boot_id() { return sysfs::first_line("/proc/sys/kernel/random/boot_id"); }

DiskIdentity identify_disk(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) throw_last_error(path);
  if (!S_ISBLK(facts.st_mode)) throw_error(EINVAL, path + ": not a block device");
  const std::string part = sysfs::first_line(sysfs::folder(facts.st_rdev) + "/partition");
  const dev_t disk =
      part.empty() ? facts.st_rdev : sysfs::whole_disk(facts.st_rdev).value_or(facts.st_rdev);
  DiskIdentity identity;
  identity.instance = boot_id() + " " + sysfs::number(facts.st_rdev) + " " +
                      sysfs::first_line(sysfs::folder(disk) + "/diskseq");
  identity.lasting = lasting_name(disk);
  if (!identity.lasting.empty() && !part.empty()) identity.lasting += " part" + part;
  if (!part.empty() && !tells_who_it_is(identity)) {
    const std::string entry = name_of_entry(facts.st_rdev);
    if (!entry.empty()) identity.lasting = entry;
  }
  return identity;
}

// A serial number that the kernel prints without having one, or that whoever made the disk left
// out, others have too.
bool tells_who_it_is(const DiskIdentity& disk) {
  const std::string value = disk.lasting.substr(disk.lasting.find('=') + 1);
  const std::string name = value.substr(0, value.rfind(" part"));
  return !name.starts_with("(null)") && name.find_first_not_of("0 -") != std::string::npos;
}

Sameness compare(const DiskIdentity& before, const DiskIdentity& now) {
  if (before.instance == now.instance) return Sameness::kSame;
  // Names of entries were not noted by 0.1, and only udev knows them.
  const bool may_be_named_now = !tells_who_it_is(now) || now.lasting.starts_with(kEntry);
  if (!tells_who_it_is(before) && may_be_named_now) return Sameness::kUnknown;
  const bool same = before.lasting == now.lasting || is_same_old_loop(before.lasting, now.lasting);
  return same ? Sameness::kSame : Sameness::kDifferent;
}

bool is_another_disk(const DiskIdentity& known, const std::string& path) {
  return known != DiskIdentity{} && compare(known, identify_disk(path)) == Sameness::kDifferent;
}

}  // namespace dmjob::io

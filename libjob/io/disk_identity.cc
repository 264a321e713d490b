// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/disk_identity.h"

#include <sys/stat.h>

#include <cerrno>

#include "libjob/io/fd.h"
#include "libjob/io/sysfs.h"

namespace dmjob::io {
namespace {

// Files below /sys/dev/block/MAJ:MIN, of dm, loop, NVMe, SCSI and virtio disks.
constexpr const char* kNames[] = {"dm/uuid", "loop/backing_file", "wwid", "device/wwid", "md/uuid",
                                  "serial",  "device/serial"};

std::string lasting_name(dev_t disk) {
  for (const char* const name : kNames) {
    const std::string value = sysfs::first_line(sysfs::folder(disk) + "/" + name);
    if (!value.empty()) return std::string(name) + "=" + value;
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
  return identity;
}

Sameness compare(const DiskIdentity& before, const DiskIdentity& now) {
  if (before.instance == now.instance) return Sameness::kSame;
  if (before.lasting.empty() && now.lasting.empty()) return Sameness::kUnknown;
  return before.lasting == now.lasting ? Sameness::kSame : Sameness::kDifferent;
}

bool is_another_disk(const DiskIdentity& known, const std::string& path) {
  return known != DiskIdentity{} && compare(known, identify_disk(path)) == Sameness::kDifferent;
}

}  // namespace dmjob::io

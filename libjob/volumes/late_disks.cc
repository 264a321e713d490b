// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/late_disks.h"

#include <sys/stat.h>

#include <system_error>

#include "libjob/io/disk_identity.h"
#include "libjob/io/sysfs.h"

namespace dmjob::volumes {
namespace {

// The size of a disk; "0" for an unbound loop device and an empty drive.
std::string sectors_of(dev_t disk) {
  return io::sysfs::first_line(io::sysfs::folder(disk) + "/size");
}

// It may go away between two looks.
std::string identity_of(const std::string& path) {
  try {
    const io::DiskIdentity disk = io::identify_disk(path);
    return disk.instance + " " + disk.lasting;
  } catch (const std::system_error&) {
    return "";
  }
}

std::string signature_of(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) return path + ": nothing";
  if (S_ISBLK(facts.st_mode))
    return path + ": " + identity_of(path) + ", sectors " + sectors_of(facts.st_rdev);
  return path + ": file " + std::to_string(facts.st_dev) + " " + std::to_string(facts.st_ino);
}

}  // namespace

bool is_there(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) return false;
  return !S_ISBLK(facts.st_mode) || sectors_of(facts.st_rdev) != "0";
}

std::string path_signature(const ManagedVolume& volume) {
  std::string signature = signature_of(volume.pivot_to.value_or(volume.device));
  if (volume.overlay) signature += "\n" + signature_of(volume.overlay->cow.place.path);
  if (volume.tracking) signature += "\n" + signature_of(volume.tracking->scratch.path);
  return signature;
}

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether a path still leads to the disk that it led to before: /dev/sdb may be another disk after
// a cable was pulled, and every disk after a boot. Thread: a worker; may block.
#pragma once

#include <string>

namespace dmjob::io {

struct DiskIdentity {
  std::string instance;  // lasts until the disk is taken away or the host boots
  std::string lasting;   // of the disk itself: serial number, WWID, dm UUID; "" if it tells none

  bool operator==(const DiskIdentity&) const = default;
};

// False: all that it says of itself ("", "(null)", zeroes) other disks say, too.
bool tells_who_it_is(const DiskIdentity& disk);

// Of the kernel that runs: another one after each boot.
std::string boot_id();

// Throws std::system_error if nothing is there, EINVAL if it is not a block device.
DiskIdentity identify_disk(const std::string& path);

enum class Sameness { kSame, kUnknown, kDifferent };

// kUnknown: it was away, and neither then nor now it told who it is.
Sameness compare(const DiskIdentity& before, const DiskIdentity& now);

// The path leads to a disk that is surely not the known one. Of an empty identity nothing is known,
// as of a file. Throws as identify_disk().
bool is_another_disk(const DiskIdentity& known, const std::string& path);

}  // namespace dmjob::io

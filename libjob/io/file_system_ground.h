// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a mounted file system lies on, by its kind. Thread: a worker; may block.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "libjob/io/sysfs.h"

namespace dmjob::io {

struct Ground {
  std::vector<dev_t> disks;
  std::vector<std::string> folders;  // of other file systems, which it is made of
  std::string unknown;               // why there may be more, for messages; empty: that is all
};

// inside: a file or folder of that file system. number: that of its disk, major 0: it has none.
Ground ground_of(const sysfs::Mount& mount, const std::string& inside, dev_t number);
// All disks of the btrfs that is in use on this one, which is one of them; none: there is none.
std::vector<dev_t> disks_of_btrfs(dev_t disk);

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From a path to the disks that its bytes lie on: over mounts (of files that have one at all), the
// folders of an overlayfs, all disks of a btrfs, loop devices, device-mapper, md, partitions.
// Thread: a worker; may block (reads /proc and /sys, opens loop devices and folders for reading).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace dmjob::io {

struct DisksBelow {
  std::vector<dev_t> disks;   // each once, down to the bottom
  std::vector<dev_t> direct;  // of these, the ones that are read and written themselves
  std::string unknown;  // why there may be others: "/mnt is of type fuse.mergerfs"; empty: none
};

// Of a disk, a file or a folder; of one that is yet to be made, the nearest folder on the way
// there. None, and nothing unknown: memory, or other hosts.
DisksBelow disks_below(const std::string& path);
// Of a disk, itself included.
DisksBelow disks_below(dev_t disk);
// Without what lies below `end` only.
DisksBelow disks_below(dev_t disk, dev_t end);

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which file systems are mounted from disks, and what loop devices are over, as /proc and /sys tell
// it. No file system is asked, so none that hangs is waited for; what is mounted in another mount
// namespace only is not seen.
// Thread: a worker; may block.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "libjob/io/sysfs.h"

namespace dmjob::io {

// A file system, however often it is mounted.
struct Mounted {
  dev_t number = 0;  // that of its disk; major 0: the kernel does not tie it to one
  std::string type;
  bool read_only = false;
  std::vector<std::string> points;  // each once
  std::vector<dev_t> disks;         // that it is on itself
};

struct LoopFile {
  dev_t loop = 0;
  dev_t below = 0;  // the disk that it is over, or the number of its file's file system
};

struct MountTable {
  std::vector<Mounted> mounted;
  std::vector<LoopFile> loops;
};

MountTable read_mount_table();

// Its parts. files: loop devices with the paths of their files.
std::vector<Mounted> mounted_on_disks(const std::vector<sysfs::Mount>& mounts);
std::vector<LoopFile> place_loops(const std::vector<sysfs::Mount>& mounts,
                                  const std::vector<std::pair<dev_t, std::string>>& files);

}  // namespace dmjob::io

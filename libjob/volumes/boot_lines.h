// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which disks the boot names: the lines of fstab and crypttab, and the words of the kernel's
// command line. And which of these a hidden disk makes wrong or ambiguous. Thread: a worker; may
// block (reads files and /dev).
#pragma once

#include <string>
#include <vector>

#include "libjob/volumes/hidden_disks.h"

namespace dmjob::volumes {

struct BootLine {
  std::string place;       // for people: "/etc/fstab line 4", "the kernel command line"
  std::string name;        // as it stands there: "UUID=1234"
  std::string path;        // where udev makes the link: "/dev/disk/by-uuid/1234"
  bool in_initrd = false;  // it may be used before the root file system, and its rules, are there
};

// Reads texts, for tests.
std::vector<BootLine> parse_boot_lines(const std::string& fstab, const std::string& crypttab,
                                       const std::string& command_line);
// Reads this machine's files. A file that is not there has no lines.
std::vector<BootLine> boot_lines();

// One line each for people: what would not lead to the volume, and what to write there.
std::vector<std::string> boot_warnings(const std::vector<BootLine>& lines,
                                       const std::vector<HiddenDisk>& disks);

}  // namespace dmjob::volumes

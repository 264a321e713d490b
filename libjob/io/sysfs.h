// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What /sys and /proc tell of block devices. Any of it may be missing: then the answer is empty.
// Thread: any; may block.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace dmjob::io::sysfs {

std::string number(dev_t dev);       // "8:1"
std::string folder(dev_t dev);       // "/sys/dev/block/8:1"
std::string kernel_name(dev_t dev);  // DEVNAME of its uevent: "sda1"
std::optional<dev_t> parse_number(const std::string& text);

// The first line of a file, or "".
std::string first_line(const std::string& path);
// All of a file, or "".
std::string content_of(const std::string& path);
// Names in a folder, sorted, without . and ..
std::vector<std::string> names_in(const std::string& path);

// The block device that a path leads to; 0 if it leads to none.
dev_t disk_at(const std::string& path);

bool is_partition(dev_t dev);
std::optional<dev_t> whole_disk(dev_t partition);
std::vector<dev_t> partitions(dev_t disk);

struct Mount {
  std::string id;
  std::string number;  // "8:1"
  std::string point;
  std::string type;
  std::string source;
  std::string options;  // of the file system itself, as they are there, with their escapes
};
std::vector<Mount> mounts();  // of /proc/self/mountinfo
std::vector<Mount> parse_mountinfo(const std::string& text);
std::string unescape_octal(const std::string& text);  // "\040" is a space

}  // namespace dmjob::io::sysfs

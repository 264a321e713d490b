// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What udev has found out about a disk. Where there is no udev, or it has not seen the disk yet,
// every answer is empty. Thread: any; may block (reads /run/udev).
#pragma once

#include <sys/types.h>

#include <string>

namespace dmjob::io {

// Of the partition's entry in its table, also while udev's rules hide it; "" if it is none.
std::string partition_uuid(dev_t partition);
// True if udev has looked at the disk since a rule hides it (udev/11-dmjob.rules).
bool is_hidden(dev_t disk);
// True if it is one by what the disk holds or by a partition's entry, in /dev/disk: by-uuid,
// by-label, by-partuuid, by-partlabel, by-id/lvm-pv-uuid-. A volume's disk has none of them.
bool is_link_of_contents(const std::string& path);

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The links that udev makes of a partition by its entry in the table. Thread: a worker; may block
// (reads the table).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace dmjob::io {

// Below /dev: "disk/by-partuuid/...", and of a GPT "disk/by-partlabel/...". Read from the table and
// not asked of udev, which does not look into a disk that is hidden. Of what is no partition, or
// cannot be read, none.
std::vector<std::string> partition_links(dev_t partition);

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Disks by who they are, not by a path. Thread: a worker; may block (reads /sys, opens loop devices
// for reading, no other disk).
#pragma once

#include <sys/types.h>

#include <optional>
#include <utility>
#include <vector>

#include "libjob/io/disk_identity.h"

namespace dmjob::io {

// The disks and partitions that are there when it is first asked.
class PresentDisks {
 public:
  // The numbers of all that are surely that disk: several, if it has several paths.
  std::vector<dev_t> find(const DiskIdentity& disk);

 private:
  std::optional<std::vector<std::pair<dev_t, DiskIdentity>>> known_;
};

}  // namespace dmjob::io

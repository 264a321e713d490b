// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who uses a disk or a file, in words. Thread: a worker; may block.
#pragma once

#include <optional>
#include <string>

#include "libjob/io/probe.h"

namespace dmjob::volumes {

// For a sentence: "/dev/sdb is HOW: CURE".
struct DiskUser {
  std::string how;   // "mounted on /srv", "held by dm-3 (LVM's volume vg-data)"
  std::string cure;  // "unmount it"
};

// One of them, the one that says most; nullopt if nobody uses it. Programs that have it open, but
// not for themselves alone, do not count. What one of its partitions is used for counts as well.
std::optional<DiskUser> user_of(const io::ProbeResult& what);

// io::probe() in words: what is at a path that is neither a disk nor a file. Throws core::Error.
// shown: "target /tmp".
io::ProbeResult probe_or_refuse(const std::string& path, const std::string& shown);

// "LVM", "cryptsetup" or "multipath", whose device has such a uuid; "" if it is none of theirs.
std::string owner_by_uuid(const std::string& dm_uuid);

// What stands on a disk: "dm-3 (LVM's volume vg-data)", "md0 (an array of md)". By its kernel name.
std::string holder_in_words(const std::string& holder);

}  // namespace dmjob::volumes

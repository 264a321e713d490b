// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a path is and who uses it: everything that must be known before a disk is overwritten.
// Thread: a worker; may block (opens and reads the device). Nothing is changed by probing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dmjob::io {

enum class Kind { kBlockDevice, kFile };

struct ProbeResult {
  std::string path;  // as given
  std::string name;  // kernel name of a block device, "sda1", "dm-3"; empty for a file
  Kind kind = Kind::kFile;
  dev_t dev = 0;            // of a block device; for a file, of the file system it is on
  std::uint64_t inode = 0;  // of a file
  std::uint64_t size = 0;   // bytes
  std::uint32_t logical_block_size = 0;
  bool read_only = false;
  bool zoned = false;                   // writes within a zone have an order
  std::vector<std::string> mounted_on;  // mount points (/proc/self/mountinfo), and "swap"
  std::vector<std::string> holders;     // kernel names: /sys/dev/block/M:N/holders
  bool held_exclusively = false;        // O_EXCL open is refused (mounted, claimed by md, dm, LVM)
  std::string signature;                // blkid's TYPE or PTTYPE: "ext4", "LVM2_member", "gpt"; ""
  std::string dm_name;                  // if it is a dm device
  std::string dm_uuid;
};

// Throws std::system_error (no such path, no permission), or with EINVAL what is neither disk nor
// file.
ProbeResult probe(const std::string& path);

// The disks that a block device stands on, itself included, down to the bottom (partition -> disk,
// dm -> slaves, loop -> the disk of its backing file's file system).
std::vector<dev_t> stands_on(dev_t dev);
// True if writing to `upper` may end on `lower` or they share a disk's sectors: the same device,
// one under the other, or a whole disk and its partition.
bool overlaps(dev_t a, dev_t b);

// What changes if somebody writes to it while nobody looks: boot id and sectors written for a disk,
// modification time, size and inode for a file. Equal strings: nobody has written in between.
std::string write_fingerprint(const ProbeResult& what);

// Sectors of a disk that were written or discarded since the kernel knows it. nullopt: it does not
// count.
std::optional<std::uint64_t> sectors_changed(dev_t dev);

}  // namespace dmjob::io

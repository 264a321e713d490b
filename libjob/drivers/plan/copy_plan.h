// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A copy whose arguments have been checked: what is copied where, and with which scratch. It is a
// part of the job's record, so a next start of the daemon finds everything here.
// Thread: any (value).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libjob/core/error_policy.h"
#include "libjob/io/disk_identity.h"
#include "libjob/store/place.h"

namespace dmjob::drivers {

using store::ScratchPlace;

struct CopyPlan {
  std::string uuid;    // the job's own
  std::string volume;  // dm name; empty for an offline copy
  std::string source;  // path; of a volume, /dev/mapper/NAME
  std::string target;  // path
  // What they led to when the job was made; empty for a file.
  io::DiskIdentity source_disk;
  io::DiskIdentity target_disk;
  bool fixed_source = false;      // what is read does not change, although the volume is in use
  bool managed = false;           // the volume is ours and may be pivoted
  std::string owner;              // of a foreign volume, for messages: "LVM", "crypt", ...
  std::uint64_t size = 0;         // bytes of the source, exact
  std::uint64_t granularity = 0;  // bytes
  bool new_file = false;          // the target is a regular file that reads as zeroes
  ScratchPlace scratch;
  io::DiskIdentity scratch_disk;  // if it is a disk of its own
  std::uint64_t speed = 0;        // bytes per second
  core::OnError on_source_error = core::OnError::kReport;
  core::OnError on_target_error = core::OnError::kReport;
  bool only_compare = false;  // nothing is copied, and the target is never written to
  bool verify = false;        // read the target back before it is called done
  std::string error_map;      // path; empty: none is wanted
  // Of the source when the copy was last known to be alone with it (io::write_fingerprint);
  // offline.
  std::string fingerprint;
  std::string target_file;  // which file it is, once it is ours: boot, device and inode
  // What others have written to a target disk (TargetAccount), when last nobody else had.
  std::string target_account;
  // What is mounted above the volume and would not be frozen with it, or was not, for people.
  std::vector<std::string> not_frozen;

  bool operator==(const CopyPlan&) const = default;
  bool live() const { return !volume.empty(); }
  // What has been copied may be written to again, which logs tell.
  bool tracked() const { return live() && !fixed_source; }
  nlohmann::json record() const;
  static CopyPlan restore(const nlohmann::json& record);
};

// Regions of a plan's bitmap, and bytes of each of its logs (0 if it is not tracked).
std::uint64_t regions(const CopyPlan& plan);
std::uint64_t log_bytes(const CopyPlan& plan);
// Bytes of scratch that a plan needs for its superblock, logs and checkpoints.
std::uint64_t scratch_bytes(const CopyPlan& plan);

// Bytes that a backup of a volume in use keeps when one of them is written over; and at most.
std::uint64_t chunk_bytes(const CopyPlan& plan);
inline constexpr std::uint64_t kMostChunkBytes = 64 << 10;

}  // namespace dmjob::drivers

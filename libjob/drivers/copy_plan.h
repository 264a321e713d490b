// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A copy whose arguments have been checked: what is copied where, and with which scratch. It is a
// part of the job's record, so a next start of the daemon finds everything here.
// Thread: any (value).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "libjob/core/error_policy.h"
#include "libjob/io/disk_identity.h"

namespace dmjob::drivers {

struct ScratchPlace {
  enum class Kind {
    kDevice,  // a disk that the user named
    kFile,    // a file that the user named, or one in the scratch folder
    kTail,    // the target's end, behind the source's size
    kMemory,  // a file on a tmpfs: gone after a reboot
  };
  Kind kind = Kind::kMemory;
  std::string path;          // disk or file
  std::uint64_t offset = 0;  // bytes on it

  nlohmann::json record() const;
  static ScratchPlace restore(const nlohmann::json& record);
  std::string describe() const;  // for people: "tail of /dev/sdb", "memory (lost at a reboot)"
  bool operator==(const ScratchPlace&) const = default;
};

struct CopyPlan {
  std::string uuid;    // the job's own
  std::string volume;  // dm name; empty for an offline copy
  std::string source;  // path; of a volume, /dev/mapper/NAME
  std::string target;  // path
  // What they led to when the job was made; empty for a file.
  io::DiskIdentity source_disk;
  io::DiskIdentity target_disk;
  bool managed = false;           // the volume is ours and may be pivoted
  std::string owner;              // of a foreign volume, for messages: "LVM", "crypt", ...
  std::uint64_t size = 0;         // bytes of the source, exact
  std::uint64_t granularity = 0;  // bytes
  bool new_file = false;          // the target is a regular file that reads as zeroes
  ScratchPlace scratch;
  std::uint64_t speed = 0;  // bytes per second
  core::OnError on_source_error = core::OnError::kReport;
  core::OnError on_target_error = core::OnError::kReport;
  std::string error_map;  // path; empty: none is wanted
  // Of the source when the copy was last known to be alone with it (io::write_fingerprint);
  // offline.
  std::string fingerprint;
  std::string target_file;  // which file it is, once it is ours: device and inode; offline

  bool operator==(const CopyPlan&) const = default;
  bool live() const { return !volume.empty(); }
  nlohmann::json record() const;
  static CopyPlan restore(const nlohmann::json& record);
};

}  // namespace dmjob::drivers

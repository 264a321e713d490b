// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where the scratch of a job or the exceptions of an overlay lie, as the state file has it.
// Thread: any (value).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "libjob/io/disk_identity.h"

namespace dmjob::store {

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
  bool is_file() const { return kind == Kind::kFile || kind == Kind::kMemory; }
  std::string describe() const;  // for people: "tail of /dev/sdb", "memory (lost at a reboot)"
  bool operator==(const ScratchPlace&) const = default;
};

nlohmann::json record_of(const io::DiskIdentity& disk);
io::DiskIdentity restore_disk(const nlohmann::json& record);

}  // namespace dmjob::store

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A chain of incremental backups of a managed volume, as the state file has it: which disk or file
// holds the last one, and where the tracker keeps its marks (tracker.h). What it promises:
//
//   each block in which the target differs from the volume lies in a region that the tracker's
//   scratch marks as changed
//
// Thread: any (value).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "libjob/io/disk_identity.h"
#include "libjob/store/place.h"
#include "libjob/volumes/chain_proof.h"

namespace dmjob::volumes {

struct Tracking {
  enum class Stage {
    kBegun,   // its full backup has not ended yet: all is marked
    kProven,  // an incremental backup may follow
    kBroken,  // the promise is no longer known to hold; the tracker is taken away
  };
  Stage stage = Stage::kBegun;
  std::string broken;  // why
  std::string uuid;    // the chain's own
  store::ScratchPlace scratch;
  std::uint64_t granularity = 0;  // bytes
  std::string target;             // path
  io::DiskIdentity target_disk;   // empty for a file
  std::string target_file;        // device and inode; empty for a disk
  std::string target_mark;  // after our last write to it; "" while we write, or if nobody knows
  Sample sample;            // of the target, after the last backup
  // A backup that has not ended may have changed what is marked since the sample was taken.
  bool under_way = false;
  std::string boot;              // in which the last backup ended
  std::int64_t last_backup = 0;  // seconds since 1970: the instant of what the target holds

  bool is_broken() const { return stage == Stage::kBroken; }
  const char* stage_word() const;  // "proven"
  nlohmann::json record() const;
  // Throws what a damaged record deserves.
  static Tracking restore(const nlohmann::json& record);
  bool operator==(const Tracking&) const = default;
};

}  // namespace dmjob::volumes

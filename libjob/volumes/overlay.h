// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a managed volume that holds its writes in a cow is, as the state file has it: a snapshot of
// its own disk, or a writable volume over a disk that is only read (dm/topology/overlay_stack.h).
// The volume's `device` is the origin.
//
// Each stage is written before the kernel is told, and is right for both sides of that step: what
// has not been switched yet holds the same bytes.
//
// Thread: any (value).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "libjob/io/disk_identity.h"
#include "libjob/store/cow_space.h"

namespace dmjob::volumes {

struct Overlay {
  enum class Stage {
    kHolding,     // writes go to the cow
    kMerging,     // the cow goes into the origin
    kDiscarding,  // the volume is its disk alone; the cow is to be taken away
  };
  Stage stage = Stage::kHolding;
  store::CowPlace cow;
  io::DiskIdentity cow_disk;  // empty for a file
  io::DiskIdentity origin_disk;
  std::uint64_t chunk = 0;   // sectors
  bool read_only = false;    // the origin is never written to
  bool merge_begun = false;  // the origin is not what it was at the snapshot: no rollback
  // Somebody else has given the volume another table: the origin was written to past the cow. For
  // good, since nothing tells where, or which of the two is newer.
  bool replaced = false;
  std::string target;            // where stream is to go; "": not said
  io::DiskIdentity target_disk;  // of `target`

  nlohmann::json record() const;
  // Throws what a damaged record deserves.
  static Overlay restore(const nlohmann::json& record);
  bool operator==(const Overlay&) const = default;
};

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Typed readers of dm status texts. Thread: any (pure functions).
// Formats: kernel Documentation/admin-guide/device-mapper, drivers/md/dm-raid1.c mirror_status(),
// drivers/md/dm-snap.c snapshot_status().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dmjob::dm {

// A leg's or log's letter in the status of a mirror.
enum class Health : char {
  kAlive = 'A',
  kDead = 'D',        // a write failed
  kSyncFailed = 'S',  // copying to or from it failed
  kReadFailed = 'R',
  kFlushFailed = 'F',
  kUnknown = 'U',
};

struct MirrorStatus {
  std::uint64_t regions_in_sync = 0;
  std::uint64_t regions = 0;
  std::vector<std::string> devices;  // "8:16", one a leg: [0] is base, [1] target or failing side
  std::vector<Health> legs;          // in the same order
  Health log = Health::kUnknown;     // kDead: all counts as dirty

  // Both legs and the log are well and every region is equal: what READY means.
  bool in_sync() const;
};

// Throws std::invalid_argument with the text if it is not the status of a mirror with a disk log.
MirrorStatus parse_mirror_status(const std::string& text);

// What a snapshot or a snapshot-merge says.
struct SnapshotStatus {
  enum class State {
    kValid,
    kInvalid,      // what it held is lost: the cow is full or has failed
    kOverflow,     // full; what is in it is there, new exceptions fail
    kMergeFailed,  // all is there; loading the table again tries again
    kUnknown,      // not resumed yet
  };
  State state = State::kUnknown;
  // Sectors of the cow, if kValid.
  std::uint64_t used = 0;  // metadata included
  std::uint64_t total = 0;
  std::uint64_t metadata = 0;

  // No exception is left: what a merge comes to.
  bool empty() const { return state == State::kValid && used == metadata; }
};

// Throws std::invalid_argument with the text if it is no such status.
SnapshotStatus parse_snapshot_status(const std::string& text);

}  // namespace dmjob::dm

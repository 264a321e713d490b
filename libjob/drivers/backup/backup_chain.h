// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a backup has to do with a tracker: its volume may have one, under which the backup's own
// devices go, and the backup may be a part of the chain of incremental ones (volumes/tracking.h).
// It is in the job's record.
// Thread: any (value).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace dmjob::drivers {

struct BackupChain {
  enum class Role {
    kNone,
    kFull,         // begins the chain, or begins it anew
    kIncremental,  // copies what has changed
  };
  Role role = Role::kNone;
  bool on_tracker = false;     // the volume has a tracker, or gets one
  bool makes_tracker = false;  // it gets one
  std::uint64_t checkpoint =
      0;                     // of the tracker, with all marks from before the instant; 0: not yet
  std::int64_t instant = 0;  // seconds since 1970
  std::string not_proven;    // what an incremental one knows by a sample only, in words

  bool is_part() const { return role != Role::kNone; }
  nlohmann::json record() const;
  static BackupChain restore(const nlohmann::json& record);
  bool operator==(const BackupChain&) const = default;
};

}  // namespace dmjob::drivers

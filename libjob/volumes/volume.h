// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A volume that dmjob itself activates: what it lives on, and what is known of it just now.
// Thread: any (a value).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "libjob/io/disk_identity.h"
#include "libjob/volumes/overlay.h"
#include "libjob/volumes/tracking.h"

namespace dmjob::volumes {

struct ManagedVolume {
  std::string name;
  std::string uuid;           // 32 hex digits, dmjob's own
  std::string device;         // path; a link that survives a reboot where there is one
  io::DiskIdentity disk;      // which one that is; empty if a file or not known
  std::uint64_t sectors = 0;  // of 512
  std::optional<std::string> pivot_to;
  io::DiskIdentity pivot_disk;
  std::string decision;  // with pivot_to: by which that can be revoked; "" in older state files
  std::optional<Overlay> overlay;
  std::optional<Tracking> tracking;
  // Links to the partition that it was made over, below /dev: "disk/by-partuuid/...". The volume's
  // own for good, wherever it lives.
  std::vector<std::string> links;
  std::string error;  // why it is not active; not stored
  // About the error, not stored either.
  bool late = false;    // it may be over once its disks come or change
  bool absent = false;  // the kernel does not have the volume
  // Since the daemon has started, no try to activate it has come to an end. Then it is late, too.
  bool untried = false;

  // What of it the state file has. restore() throws nlohmann::json::exception or core::Error if the
  // record is not of one.
  nlohmann::json record() const;
  static ManagedVolume restore(const nlohmann::json& record);
};

}  // namespace dmjob::volumes

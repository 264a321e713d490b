// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The volumes that dmjob itself activates: what each lives on, as the state file has it.
//
// A pivot is decided by one durable write of the state file: from set_pivot() + persist until
// finish_pivot() or revoke_pivot() + persist (or store::Revocations), both disks hold every
// acknowledged write, and the next boot takes the target. While it stands, nobody may let the two
// sides differ (D-006).
//
// Thread: the reactor; activate() and the like do their ioctls through the functions at the end, on
// a worker.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "dm/control.h"
#include "dm/suspend_guard.h"
#include "libjob/io/disk_identity.h"
#include "libjob/io/probe.h"
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
  // Of the partition that it was made over, below /dev: "disk/by-partuuid/...". The volume's own
  // for good, wherever it lives.
  std::vector<std::string> links;
  std::string error;  // why it is not active; not stored
  // Of an error, not stored either.
  bool late = false;    // it may be over once its disks come or change
  bool absent = false;  // the kernel does not have the volume
  // Since the daemon has started, no try to activate it has come to an end. Then it is late, too.
  bool untried = false;
};

class ManagedVolumes {
 public:
  const ManagedVolume* find(const std::string& name) const;  // nullptr: not managed
  const std::map<std::string, ManagedVolume>& all() const { return volumes_; }

  // Links that another volume has stay that one's: it has lived on the same partition.
  void add(ManagedVolume volume);
  void remove(const std::string& name);
  // Preconditions of the following: the volume is there.
  // Under a decision of a new id.
  void set_pivot(const std::string& name, const std::string& target, io::DiskIdentity disk);
  void revoke_pivot(const std::string& name);
  // Those that one of these decisions is about. Returns their names.
  std::vector<std::string> revoke_pivots(const std::vector<std::string>& decisions);
  void finish_pivot(const std::string& name);  // it lives on the target from now on
  // One whose table was replaced stays so, whatever its next stage was made from.
  void set_overlay(const std::string& name, std::optional<Overlay> overlay);
  void set_replaced(const std::string& name);  // precondition: it has an overlay
  void set_device(const std::string& name, const std::string& device, io::DiskIdentity disk);
  void set_tracking(const std::string& name, std::optional<Tracking> tracking);
  void set_error(const std::string& name, const std::string& error);
  void set_errors(const std::string& error);  // the same of all
  void set_late(const std::string& name, const std::string& error, bool absent);
  void set_untried(const std::string& name);
  void set_active(const std::string& name);

  nlohmann::json record() const;
  void restore(const nlohmann::json& record);

 private:
  std::map<std::string, ManagedVolume> volumes_;
};

// --- on a worker; each may block; errors: core::Error for the user ---

// Throws if no volume can be called so.
void check_free_name(dm::Control& control, const std::string& name);
// Checks that the disk is free and of a usable size; returns the volume to be, nothing changed.
ManagedVolume plan_attach(dm::Control& control, const std::string& name, const std::string& device);
// What the volume lives on, by decision. Throws if it is not there, or is another disk or smaller.
io::ProbeResult disk_of(const ManagedVolume& volume);
// The device that activate() makes. Nobody else may use its disk.
dm::NewDevice device_of(const ManagedVolume& volume);
// Creates the volume's device over its disk (over pivot_to, if a pivot was decided). No effect if
// it is there already; then its uuid must be ours. One with an overlay gets what its stage says;
// false: that overlay is over, and was taken away.
bool activate(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume);
// About one that is called `name` by now: what to do.
std::string renamed_in_words(const ManagedVolume& volume, const std::string& name);
// True if its device is linear on the disk at `path`, from the start.
bool lives_on(dm::Control& control, const ManagedVolume& volume, const std::string& path);
// Removes the device, and its tracker. Refuses while it stays open.
void deactivate(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume);

// The link to a disk that survives reboots (/dev/disk/by-id, by-path), or the path itself.
std::string stable_path(const std::string& path);

// 32 random hex digits.
std::string new_uuid();

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The volumes that dmjob itself activates, as the state file has them.
//
// A pivot is decided by one durable write of the state file: from set_pivot() + persist until
// finish_pivot() or revoke_pivot() + persist (or store::Revocations), both disks hold every
// acknowledged write, and the next boot takes the target. While it stands, nobody may let the two
// sides differ (D-006).
//
// Thread: the reactor; what changes devices is in activation.h.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "libjob/volumes/volume.h"

namespace dmjob::volumes {

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

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a user asks of overlays and snapshots, checked: the volume as it is to be in the state file.
// Nothing is changed.
// Thread: a worker; may block. Errors: core::Error for the user.
#pragma once

#include <optional>
#include <string>

#include "libjob/drivers/check/check_context.h"
#include "libjob/io/device_lock.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::drivers {

struct OverlayRequest {
  std::string name;     // of the volume
  std::string backing;  // an absolute path; empty: a snapshot of the volume NAME
  std::optional<std::string> target;
  std::optional<std::string> scratch;
  bool force = false;  // overwrite a target or scratch that carries a signature
};

struct CheckedOverlay {
  volumes::ManagedVolume volume;
  Holding holding;
  std::optional<io::DeviceLock> lock;  // of a scratch that is a disk, until dm takes it
};
CheckedOverlay check_overlay(const OverlayRequest& request, const CheckContext& context);
CheckedOverlay check_snapshot(const OverlayRequest& request, const CheckContext& context);
// Throws if what the volume holds cannot be thrown away.
void check_rollback(const volumes::ManagedVolume& volume, dm::Control& control);

}  // namespace dmjob::drivers

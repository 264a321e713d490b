// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/activation.h"

#include <optional>

#include "dm/name.h"
#include "dm/step.h"
#include "dm/targets.h"
#include "libjob/core/error.h"
#include "libjob/io/disk_identity.h"
#include "libjob/io/geometry.h"
#include "libjob/io/partition_entry.h"
#include "libjob/io/probe.h"
#include "libjob/io/stable_path.h"
#include "libjob/io/units.h"
#include "libjob/io/uuid.h"
#include "libjob/volumes/disk_users.h"
#include "libjob/volumes/overlay_device.h"
#include "libjob/volumes/stays_open.h"
#include "libjob/volumes/tracker.h"

namespace dmjob::volumes {
namespace {

// A disk that is not in use. Throws core::Error.
io::ProbeResult require_free_disk(const std::string& path) {
  io::ProbeResult disk = probe_or_refuse(path, path);
  if (disk.kind != io::Kind::kBlockDevice)
    throw core::Error(path + " is a regular file: attach it to a loop device first (losetup)");
  if (const auto user = user_of(disk))
    throw core::Error(path + " is " + user->how + ": " + user->cure +
                      (disk.mounted_on.empty() ? " first" : ", attach it, then mount the volume"));
  if (const std::string fault = io::geometry_fault(disk, {}); !fault.empty())
    throw core::Error(path + " " + fault);
  return disk;
}

// What it writes would bypass the volume. What is left of our own inner devices does not write.
void require_unused(const io::ProbeResult& disk) {
  if (const auto user = disk.mounted_on.empty() ? std::nullopt : user_of(disk))
    throw core::Error(disk.path + " is " + user->how + ": " + user->cure);
  for (const std::string& holder : disk.holders)
    if (!io::probe("/dev/" + holder).dm_uuid.starts_with(dm::kInnerUuidPrefix))
      throw core::Error(disk.path + " is held by " + holder_in_words(holder) +
                        ": release it first");
}

// The state file has its name, and by that fstab knows it.
void require_not_renamed(dm::Control& control, const ManagedVolume& volume) {
  if (const auto device = control.find_by_uuid(dm::volume_uuid(volume.uuid)))
    throw core::Error(renamed_in_words(volume, device->name));
}

bool activate_overlay(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  const bool over = volume.overlay->stage == Overlay::Stage::kDiscarding;
  if (!over && volume.overlay->replaced) {  // where it is active, its users go on
    if (!control.find(volume.name)) throw core::Error(replaced_in_words(volume));
    return true;
  }
  if (!over && OverlayDevice(control, ledger, volume).activate()) return true;
  discard_overlay(control, ledger, volume);
  return false;
}

}  // namespace

ManagedVolume plan_attach(dm::Control& control, const std::string& name,
                          const std::string& device) {
  check_free_name(control, name);
  io::ProbeResult disk = require_free_disk(device);
  return {.name = name,
          .uuid = io::new_uuid(),
          .device = io::stable_path(device),
          .disk = io::identify_disk(device),
          .sectors = disk.size / io::kSector,
          .pivot_to = std::nullopt,
          .pivot_disk = {},
          .decision = {},
          .overlay = std::nullopt,
          .tracking = std::nullopt,
          .links = io::partition_links(disk.dev),
          .error = {}};
}

io::ProbeResult disk_of(const ManagedVolume& volume) {
  const std::string& path = volume.pivot_to ? *volume.pivot_to : volume.device;
  const io::DiskIdentity& known = volume.pivot_to ? volume.pivot_disk : volume.disk;
  io::ProbeResult disk = io::probe(path);
  if (io::is_another_disk(known, path))
    throw core::Error("another disk is in the place of " + path +
                      ": bring back the one that volume '" + volume.name +
                      "' lives on; if it is the same, 'dmjob detach' and 'dmjob attach' it anew");
  if (disk.size / io::kSector < volume.sectors)
    throw core::Error(path + " is smaller than volume '" + volume.name +
                      "': it is not the disk that it was");
  return disk;
}

dm::NewDevice device_of(const ManagedVolume& volume) {
  const io::ProbeResult disk = disk_of(volume);
  require_unused(disk);
  return {.name = volume.name,
          .uuid = dm::volume_uuid(volume.uuid),
          .table = dm::linear_table(volume.sectors, disk.dev),
          .visibility = dm::Visibility::kPublic,
          .read_only = false};
}

bool activate(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  dm::remove_if_half_made(control, volume.name, dm::volume_uuid(volume.uuid));
  const auto found = control.find(volume.name);
  if (found && found->uuid != dm::volume_uuid(volume.uuid))
    throw core::Error("a device '" + volume.name +
                      "' that is not dmjob's is in the way: remove or rename it");
  if (!found) require_not_renamed(control, volume);
  if (volume.overlay) return activate_overlay(control, ledger, volume);
  if (!found) control.create(device_of(volume));
  return true;
}

void check_free_name(dm::Control& control, const std::string& name) {
  if (std::string wrong = dm::check_volume_name(name); !wrong.empty())
    throw core::Error("volume name '" + name + "' " + wrong + ": choose another name");
  if (control.find(name))
    throw core::Error("a device-mapper device '" + name + "' exists already: choose another name");
}

bool lives_on(dm::Control& control, const ManagedVolume& volume, const std::string& path) {
  return control.table(volume.name) == dm::linear_table(volume.sectors, io::probe(path).dev);
}

std::string renamed_in_words(const ManagedVolume& volume, const std::string& name) {
  return "somebody has renamed it to '" + name + "': 'dmsetup rename " + name + " " + volume.name +
         "' gives it its name back";
}

void deactivate(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  const auto found = control.find(volume.name);
  const bool is_there = found && found->uuid == dm::volume_uuid(volume.uuid);
  if (is_there && stays_open(control, volume.name))
    throw core::Error("volume '" + volume.name + "' is open: unmount it or close it first");
  if (volume.tracking) end_tracking(control, ledger, volume);
  if (is_there) control.remove(volume.name);
}

}  // namespace dmjob::volumes

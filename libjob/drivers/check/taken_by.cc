// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/taken_by.h"

#include "libjob/volumes/overlay_device.h"

namespace dmjob::drivers {
namespace {

using Kind = store::ScratchPlace::Kind;

// What is in a tail is part of another use.
void add_scratch(std::vector<Use>& uses, const store::ScratchPlace& place,
                 const io::DiskIdentity& disk, bool waits) {
  if (!place.path.empty() && place.kind != Kind::kTail)
    uses.push_back({.role = "scratch", .path = place.path, .disk = disk, .waits = waits});
}

void add_overlay(const volumes::Overlay& overlay, const std::string& uuid, Holding& holding) {
  const store::ScratchPlace& cow = overlay.cow.place;
  holding.uses.push_back(
      {.role = "scratch", .path = cow.path, .disk = overlay.cow_disk, .waits = true});
  if (!cow.is_file())
    holding.marks.push_back({uuid, cow.offset - volumes::OverlayDevice::kMarkBytes});
  if (!overlay.target.empty())
    holding.uses.push_back({.role = "target", .path = overlay.target, .disk = overlay.target_disk});
}

}  // namespace

// The writes to a volume wait for the target of a copy, once both are equal; nobody waits for that
// of a backup.
std::vector<Use> uses_of(const CopyPlan& plan, const std::optional<store::CowPlace>& cow) {
  std::vector<Use> uses;
  if (plan.source.empty()) return uses;  // a stream that has nothing to do
  const bool in_tail = plan.scratch.kind == Kind::kTail;
  uses.push_back({.role = "source",
                  .path = plan.source,
                  .disk = plan.live() ? io::DiskIdentity{} : plan.source_disk,
                  .live = plan.live(),
                  .waits = plan.live()});
  uses.push_back({.role = "target",
                  .path = plan.target,
                  .disk = plan.target_disk,
                  .waits = plan.tracked() || (plan.live() && in_tail),
                  .receives = !plan.only_compare});
  add_scratch(uses, plan.scratch, plan.scratch_disk, plan.live());
  if (cow && cow->place.path != plan.scratch.path) add_scratch(uses, cow->place, {}, plan.live());
  if (!plan.error_map.empty()) uses.push_back({.role = "error map", .path = plan.error_map});
  return uses;
}

std::vector<Mark> marks_of(const CopyPlan& plan) {
  if (plan.scratch.is_file()) return {};
  return {{plan.uuid, plan.scratch.offset}};
}

Use use_of_volume(const std::string& name) {
  return {.role = "volume", .path = "/dev/mapper/" + name, .live = true};
}

Use use_of(const volumes::Tracking& tracking) {
  return {.role = "scratch", .path = tracking.scratch.path, .waits = true};
}

void let_wait_for_target(std::vector<Use>& uses) {
  for (Use& use : uses) use.waits = use.role == "target";
}

Holding holding_of(const volumes::ManagedVolume& volume) {
  Holding holding{.owner = "volume '" + volume.name + "'", .volume = volume.name, .uses = {}};
  holding.uses.push_back({.role = "disk",
                          .path = volume.device,
                          .disk = volume.disk,
                          .shared = volume.overlay && volume.overlay->read_only,
                          .waits = true});
  if (volume.pivot_to)
    holding.uses.push_back(
        {.role = "disk", .path = *volume.pivot_to, .disk = volume.pivot_disk, .waits = true});
  if (volume.overlay) add_overlay(*volume.overlay, volume.uuid, holding);
  if (volume.tracking && !volume.tracking->is_broken())
    holding.uses.push_back(use_of(*volume.tracking));
  return holding;
}

Holding holding_of(const std::string& job_id, const Footprint& footprint) {
  return {.owner = "job '" + job_id + "'",
          .volume = footprint.volume,
          .uses = footprint.uses,
          .marks = footprint.marks};
}

}  // namespace dmjob::drivers

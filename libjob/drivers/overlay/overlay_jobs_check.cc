// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/overlay/overlay_jobs_check.h"

#include <utility>

#include "dm/name.h"
#include "libjob/core/error.h"
#include "libjob/drivers/check/flush_check.h"
#include "libjob/drivers/check/kernel_check.h"
#include "libjob/drivers/check/plan_check.h"
#include "libjob/drivers/check/taken_by.h"
#include "libjob/drivers/check/target_check.h"
#include "libjob/io/block_device.h"
#include "libjob/io/disk_identity.h"
#include "libjob/io/stable_path.h"
#include "libjob/io/units.h"
#include "libjob/io/uuid.h"

namespace dmjob::drivers {
namespace {

using core::Error;
using core::ErrorClass;
using volumes::ManagedVolume;

ManagedVolume find_volume(const std::string& name, const CheckContext& context,
                          ErrorClass if_unknown) {
  const auto found = context.volumes.find(name);
  if (found == context.volumes.end())
    throw Error("Cannot find volume '" + name + "' among dmjob's: 'dmjob volumes' lists them",
                if_unknown);
  if (!context.control) throw Error("this kernel has no device-mapper (modprobe dm-mod)");
  if (!found->second.error.empty())
    throw Error("volume '" + name + "' is not active: " + found->second.error);
  if (found->second.overlay && found->second.overlay->replaced)
    throw Error("nothing of volume '" + name +
                "' can be merged: " + volumes::replaced_in_words(found->second));
  if (found->second.overlay)
    require_targets(*context.control, dm::kTargetsOfMerge,
                    "what was written to volume '" + name + "' cannot be merged");
  return found->second;
}

Footprint footprint_of(const ManagedVolume& volume, const CheckContext& context) {
  const auto device = context.control->find(volume.name);
  if (!device || device->uuid != dm::volume_uuid(volume.uuid))
    throw Error("volume '" + volume.name + "' has no device: restart dmjobd");
  Footprint footprint;
  footprint.default_id = volume.name;
  footprint.source = "/dev/mapper/" + volume.name;
  footprint.volume = volume.name;
  footprint.works_on_own = true;
  footprint.uses = {use_of_volume(volume.name)};
  footprint.volume_dev = device->dev;
  footprint.disks = {device->dev};
  return footprint;
}

// What the user has named, or had named when the overlay was made, if it is still that disk.
std::string target_path(const StreamRequest& request, const ManagedVolume& volume) {
  if (request.target) return *request.target;
  const std::string& path = volume.overlay->target;
  if (path.empty())
    throw Error("volume '" + volume.name + "' has no disk to live on yet: name one (dmjob stream " +
                volume.name + " DISK)");
  if (io::is_another_disk(volume.overlay->target_disk, path))
    throw Error("target " + path + " is another disk than when the overlay was made: name one");
  return path;
}

bool has_scratch_on(const ManagedVolume& volume, const io::ProbeResult& target) {
  const store::ScratchPlace& cow = volume.overlay->cow.place;
  return cow.kind == store::ScratchPlace::Kind::kTail && io::probe(cow.path).dev == target.dev;
}

}  // namespace

CheckedStream check_stream(const StreamRequest& request, const CheckContext& context) {
  const ManagedVolume volume = find_volume(request.volume, context, ErrorClass::kGeneric);
  CheckedStream checked;
  checked.footprint = footprint_of(volume, context);
  checked.plan.volume = volume.name;
  if (!volume.overlay) return checked;
  const std::string path = target_path(request, volume);
  const Source source{.what = probe_or_refuse(volume.device, "disk"),
                      .volume = volume.name,
                      .managed = true,
                      .owner = {}};
  io::ProbeResult target = probe_or_refuse(path, "target");
  checked.plan.lock_target = !has_scratch_on(volume, target);
  checked.plan.read_only = volume.overlay->read_only;
  checked.plan.merge_begun = volume.overlay->merge_begun;
  if (checked.plan.lock_target)
    check_target({.path = path,
                  .force = request.force,
                  .must_exist = true,
                  .disk_only = true,
                  .only_read = false,
                  .of_volume = volume.name},
                 source, context);
  require_untaken(context, {.role = "target", .path = path}, "target " + path, volume.name);
  require_flushes(*context.control, volume.name, target);
  CopyPlan& plan = checked.plan.copy;
  plan.uuid = io::new_uuid();
  plan.source = volume.device;
  plan.target = io::stable_path(path);
  plan.source_disk = io::identify_disk(plan.source);
  plan.target_disk = io::identify_disk(plan.target);
  plan.managed = true;
  plan.size = volume.sectors * io::kSector;
  plan.granularity = store::default_granularity(plan.size);
  plan.speed = request.speed > 0 ? static_cast<std::uint64_t>(request.speed) : 0;
  plan.on_source_error = request.on_source_error;
  plan.on_target_error = request.on_target_error;
  const auto tail = checked.plan.lock_target ? std::optional(target) : std::nullopt;
  auto scratch = choose_scratch(
      {.path = request.scratch,
       .force = request.force,
       .bytes = scratch_bytes(plan),
       .folder = context.scratch_folder.empty() ? context.state_folder : context.scratch_folder,
       .memory_folder = context.memory_folder,
       .file_name = "scratch-" + plan.uuid},
      source.what, tail, context);
  set_scratch(plan, std::move(scratch));
  for (Use& use : uses_of(plan)) checked.footprint.uses.push_back(std::move(use));
  let_wait_for_target(checked.footprint.uses);
  checked.footprint.marks = marks_of(plan);
  checked.footprint.disks.push_back(target.dev);
  return checked;
}

CheckedCommit check_commit(const CommitRequest& request, const CheckContext& context) {
  const ManagedVolume volume = find_volume(request.volume, context, ErrorClass::kDeviceNotFound);
  const std::string shown = "volume '" + volume.name + "'";
  if (!volume.overlay)
    throw Error(shown + " has nothing to commit: what is written to it is on " + volume.device +
                " already");
  if (volume.overlay->read_only)
    throw Error(shown + " stands on " + volume.device +
                ", which is only read: 'dmjob stream' gives it a disk of its own");
  if (request.speed > 0)
    throw Error("a commit has no speed limit: the kernel merges as fast as it can");
  CheckedCommit checked;
  checked.footprint = footprint_of(volume, context);
  checked.footprint.uses.push_back({.role = "disk", .path = volume.device});
  checked.plan = {volume.name, volume.device, request.on_error};
  return checked;
}

}  // namespace dmjob::drivers

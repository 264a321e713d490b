// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/overlay/overlay_check.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "dm/name.h"
#include "libjob/core/error.h"
#include "libjob/drivers/check/kernel_check.h"
#include "libjob/drivers/check/scratch_place.h"
#include "libjob/drivers/check/source_check.h"
#include "libjob/drivers/check/taken_by.h"
#include "libjob/drivers/check/target_check.h"
#include "libjob/io/disk_identity.h"
#include "libjob/io/geometry.h"
#include "libjob/io/partition_entry.h"
#include "libjob/io/stable_path.h"
#include "libjob/io/units.h"
#include "libjob/io/uuid.h"
#include "libjob/volumes/activation.h"
#include "libjob/volumes/disk_users.h"
#include "libjob/volumes/overlay_device.h"
#include "libjob/volumes/stays_open.h"

namespace dmjob::drivers {
namespace {

using core::Error;
using Kind = store::ScratchPlace::Kind;
using volumes::OverlayDevice;

// Sectors. Small ones copy least when a block is written first; the kernel keeps a note in memory
// of each that was, so there are no more than 64 Mi.
std::uint64_t chunk_for(const io::ProbeResult& origin) {
  constexpr std::uint64_t kMost = 64 << 20;
  std::uint64_t chunk = std::max<std::uint64_t>(8, origin.logical_block_size / io::kSector);
  while (origin.size / io::kSector / chunk > kMost) chunk *= 2;
  return chunk;
}

[[noreturn]] void ask_for_scratch(const std::string& why) {
  throw Error(why + ": name a disk, or a file or folder on one, with --scratch");
}

store::CowPlace on_disk(store::ScratchPlace place, std::uint64_t disk_bytes, std::uint64_t most) {
  place.offset += OverlayDevice::kMarkBytes;
  return {place, std::min(disk_bytes - place.offset, most)};
}

store::CowPlace choose_cow(const OverlayRequest& request, const CheckContext& context,
                           const io::ProbeResult& origin,
                           const std::optional<io::ProbeResult>& target,
                           const volumes::ManagedVolume& volume) {
  const std::uint64_t chunk = volume.overlay->chunk;
  const std::uint64_t most = store::CowSpace::most_bytes(origin.size, chunk * io::kSector);
  const store::ScratchPlace place =
      choose_scratch({.path = request.scratch,
                      .force = request.force,
                      .bytes = OverlayDevice::least_bytes(chunk) + OverlayDevice::kMarkBytes,
                      .folder = context.scratch_folder,
                      .memory_folder = context.memory_folder,
                      .file_name = "cow-" + volume.uuid,
                      .waited_for = true,
                      .most_block = origin.logical_block_size},
                     origin, target, context);
  switch (place.kind) {
    case Kind::kDevice:
      return on_disk(place, io::probe(place.path).size, most);
    case Kind::kTail:
      return on_disk(place, target->size, most);
    case Kind::kFile:
      return {place, most};
    case Kind::kMemory:
      break;
  }
  ask_for_scratch(request.scratch
                      ? "scratch " + *request.scratch + " is memory, which a reboot loses"
                      : "what is written to volume '" + request.name +
                            "' needs a place that outlives a reboot");
}

void add_overlay(volumes::ManagedVolume& volume, const OverlayRequest& request,
                 const CheckContext& context, const io::ProbeResult& origin,
                 const std::optional<io::ProbeResult>& target) {
  volume.overlay.emplace();
  volumes::Overlay& overlay = *volume.overlay;
  overlay.chunk = chunk_for(origin);
  overlay.cow = choose_cow(request, context, origin, target, volume);
  if (!overlay.cow.place.is_file()) {
    overlay.cow.place.path = io::stable_path(overlay.cow.place.path);
    overlay.cow_disk = io::identify_disk(overlay.cow.place.path);
  }
  overlay.origin_disk = io::identify_disk(volume.device);
  volume.disk = overlay.origin_disk;
  overlay.read_only = !request.backing.empty();
  if (!target) return;
  overlay.target = io::stable_path(target->path);
  overlay.target_disk = io::identify_disk(target->path);
}

void require_overlays(const OverlayRequest& request, const CheckContext& context) {
  require_targets(*context.control, dm::kTargetsOfOverlay,
                  "volume '" + request.name + "' cannot hold what is written to it");
}

// Several volumes may stand on one backing disk, since none writes to it.
bool is_held_by_overlays(const io::ProbeResult& backing, const CheckContext& context) {
  const auto reads_only = [&](const std::string& holder) {
    return std::ranges::any_of(context.volumes, [&](const auto& entry) {
      const auto& volume = entry.second;
      const auto device = context.control->find(volume.name);
      return volume.overlay && volume.overlay->read_only && device &&
             device->uuid == dm::volume_uuid(volume.uuid) &&
             io::device_path(device->dev) == "/dev/" + holder;
    });
  };
  return !backing.holders.empty() && std::ranges::all_of(backing.holders, reads_only);
}

std::string users_of_backing(const io::ProbeResult& backing) {
  const auto user = volumes::user_of(backing);
  return user ? user->how + ": " + user->cure : "in use";
}

io::ProbeResult check_backing(const std::string& path, const CheckContext& context) {
  const io::ProbeResult backing = probe_or_refuse(path, "backing");
  const std::string shown = "backing " + path;
  if (backing.kind != io::Kind::kBlockDevice)
    throw Error(shown + " is a regular file: 'losetup -r -f --show " + path +
                "' makes a disk of it, name that");
  require_untaken(context, {.role = "backing", .path = path, .shared = true}, shown);
  if (!backing.mounted_on.empty())
    throw Error(shown + " is " + volumes::user_of(backing).value().how +
                ": unmount it, and mount the volume instead");
  if (backing.held_exclusively && !is_held_by_overlays(backing, context))
    throw Error(shown + " is " + users_of_backing(backing) + ", since nobody may change it");
  const std::string fault = io::geometry_fault(backing, {.written = false});
  if (!fault.empty()) throw Error(shown + " " + fault);
  return backing;
}

// From now on nobody else can take the scratch, and nobody has.
CheckedOverlay with_lock(volumes::ManagedVolume volume, const CheckContext& context) {
  CheckedOverlay checked{.volume = std::move(volume), .holding = {}, .lock = std::nullopt};
  checked.holding = holding_of(checked.volume);
  const store::CowPlace& cow = checked.volume.overlay->cow;
  require_untaken(context, {.role = "scratch", .path = cow.place.path},
                  "scratch " + cow.place.path);
  require_no_circle(context, checked.holding);
  try {
    if (!cow.place.is_file())
      checked.lock.emplace(cow.place.path, io::DeviceLock::Mode::kExclusive);
  } catch (const std::system_error& error) {  // somebody was quicker
    throw Error("scratch " + cow.place.path + " is in use (" + error.code().message() +
                "): name another with --scratch");
  }
  return checked;
}

}  // namespace

CheckedOverlay check_overlay(const OverlayRequest& request, const CheckContext& context) {
  require_overlays(request, context);
  volumes::check_free_name(*context.control, request.name);
  const io::ProbeResult backing = check_backing(request.backing, context);
  const Source source{.what = backing, .volume = {}, .managed = false, .owner = {}};
  std::optional<io::ProbeResult> target;
  if (request.target)
    target = check_target(
        {.path = *request.target, .force = request.force, .must_exist = true, .disk_only = true},
        source, context);
  volumes::ManagedVolume volume;
  volume.name = request.name;
  volume.uuid = io::new_uuid();
  volume.device = io::stable_path(request.backing);
  volume.sectors = backing.size / io::kSector;
  volume.links = io::partition_links(backing.dev);
  add_overlay(volume, request, context, backing, target);
  return with_lock(std::move(volume), context);
}

CheckedOverlay check_snapshot(const OverlayRequest& request, const CheckContext& context) {
  const auto found = context.volumes.find(request.name);
  if (found == context.volumes.end())
    throw Error("volume '" + request.name +
                "' is not managed by dmjob: a snapshot would be lost at the next boot "
                "('dmjob attach' makes a managed volume of a disk)");
  volumes::ManagedVolume volume = found->second;
  if (volume.overlay)
    throw Error("volume '" + request.name +
                "' holds what is written to it already: commit, stream or roll it back first");
  if (volume.tracking)
    throw Error("volume '" + request.name +
                "' has a chain of incremental backups, which would not see what a commit writes: "
                "'dmjob untrack " +
                request.name + "' first");
  if (!volume.error.empty())
    throw Error("volume '" + request.name + "' is not active: " + volume.error);
  require_overlays(request, context);
  const Source source = find_source(request.name, context);
  add_overlay(volume, request, context, source.what, std::nullopt);
  return with_lock(std::move(volume), context);
}

void check_rollback(const volumes::ManagedVolume& volume, dm::Control& control) {
  const std::string shown = "volume '" + volume.name + "'";
  if (!volume.overlay) throw Error(shown + " has no snapshot to go back to");
  if (volume.overlay->read_only)
    throw Error(shown + " stands on the read-only " + volume.device +
                ": 'dmjob stream' gives it a disk of its own");
  if (volume.overlay->merge_begun)
    throw Error(shown + " cannot go back: a commit has begun to change " + volume.device +
                "; commit it again to finish that");
  if (volumes::stays_open(control, volume.name))
    throw Error(shown + " is open: unmount it or close it first");
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/chain_check.h"

#include <algorithm>
#include <filesystem>

#include "libjob/core/error.h"
#include "libjob/drivers/check/kernel_check.h"
#include "libjob/drivers/check/scratch_place.h"
#include "libjob/drivers/transfer/target_disk.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/disks_below.h"
#include "libjob/io/stable_path.h"
#include "libjob/io/uuid.h"
#include "libjob/volumes/tracker.h"

namespace dmjob::drivers {
namespace {

using core::Error;
using Role = BackupChain::Role;
using volumes::Tracking;

constexpr const char* kWayOut = "; --track makes a full backup that begins a chain";

const Tracking* tracking_of(const Source& source, const CheckContext& context) {
  if (!source.tracked) return nullptr;
  return &*context.volumes.at(source.volume).tracking;
}

// A disk that does not tell who it is counts as the same if the path is: the sample decides.
bool holds_last_backup(const Tracking& tracking, const std::string& target) {
  if (!tracking.target_file.empty())
    return target == tracking.target && file_inode(target) == tracking.target_file;
  try {
    const auto sameness = io::compare(tracking.target_disk, io::identify_disk(target));
    return sameness == io::Sameness::kSame ||
           (sameness == io::Sameness::kUnknown && io::stable_path(target) == tracking.target);
  } catch (const std::system_error&) {
    return false;  // not a disk, or not there
  }
}

void require_chain(const std::string& volume, const Tracking* tracking,
                   const BackupRequest& request) {
  const std::string& target = request.target;
  const std::string what = "volume '" + volume + "'";
  if (!tracking) throw Error(what + " has no chain of incremental backups" + kWayOut);
  if (tracking->is_broken())
    throw Error(what + " has no chain of incremental backups any more (" + tracking->broken + ")" +
                kWayOut);
  if (tracking->stage == Tracking::Stage::kBegun)
    throw Error(what + " has no full backup yet: the one that begins its chain has not ended");
  if (!holds_last_backup(*tracking, target))
    throw Error("target " + target + " does not hold the last backup of " + what + ", which is " +
                tracking->target + kWayOut);
  if (!request.verify) require_untouched_target(*tracking, target);
}

void check_source(const BackupRequest& request, const Source& source) {
  if (source.volume.empty())
    throw Error("source " + request.source + " is not a volume: what changes in it is not tracked");
  if (!source.managed)
    throw Error("volume '" + source.volume + "' belongs to " + source.owner +
                ", so what is written to it at a boot would be missed: only a volume that dmjob "
                "activates itself can be tracked ('dmjob attach')");
}

// A scratch that lasts: a file of its own in a folder.
ScratchPlace place_tracker(const BackupRequest& request, const Source& source,
                           const std::optional<io::ProbeResult>& target,
                           const CheckContext& context, const CopyPlan& plan) {
  std::string folder =
      context.scratch_folder.empty() ? context.state_folder : context.scratch_folder;
  std::error_code ignored;
  if (request.scratch && std::filesystem::is_directory(*request.scratch, ignored))
    folder = *request.scratch;
  const ScratchPlace place =
      choose_scratch({.path = folder,
                      .bytes = volumes::Tracker::scratch_bytes(plan.size, plan.granularity),
                      .folder = {},
                      .memory_folder = {},
                      .file_name = "tracker-" + plan.uuid,
                      .waited_for = true},
                     source.what, target, context);
  if (place.kind == ScratchPlace::Kind::kMemory)
    throw Error("scratch " + folder +
                " does not outlive a reboot, which a tracker must: name "
                "another folder with --scratch");
  return place;
}

Tracking new_tracking(const BackupRequest& request, const Source& source,
                      const std::optional<io::ProbeResult>& target, const CheckContext& context,
                      const CopyPlan& plan) {
  require_targets(*context.control, dm::kTargetsOfTracker,
                  "volume '" + source.volume + "' cannot be tracked");
  Tracking tracking;
  tracking.uuid = io::new_uuid();  // the job gives its own to devices, too
  tracking.granularity = plan.granularity;
  tracking.scratch = place_tracker(request, source, target, context, plan);
  return tracking;
}

void take_granularity(const BackupRequest& request, const Tracking& tracking, CopyPlan& plan) {
  if (request.granularity && *request.granularity != tracking.granularity)
    throw Error("volume '" + plan.volume + "' is tracked in regions of " +
                std::to_string(tracking.granularity) +
                " bytes: leave out --granularity, or end its chain first ('dmjob untrack " +
                plan.volume + "')");
  plan.granularity = tracking.granularity;
}

// Which file it is, is known when the backup has ended.
void begin_at(const CopyPlan& plan, Tracking& tracking) {
  tracking.stage = Tracking::Stage::kBegun;
  tracking.target = io::stable_path(plan.target);
  tracking.target_disk = plan.target_disk;
  tracking.target_file.clear();
  tracking.target_mark.clear();
  tracking.sample.clear();
}

// Reads both; equal where one cannot be read.
bool is_equal(io::BlockDevice& one, io::BlockDevice& other, std::uint64_t offset,
              std::uint64_t length) {
  const std::uint64_t unit = std::max(one.alignment(), other.alignment());
  io::AlignedBuffer left(io::round_up(length, unit));
  io::AlignedBuffer right(left.bytes().size());
  if (one.read(offset, left.bytes()) || other.read(offset, right.bytes())) return true;
  return std::ranges::equal(left.bytes().first(length), right.bytes().first(length));
}

}  // namespace

bool check_chain_target(const BackupRequest& request, const Source& source,
                        const CheckContext& context) {
  if (request.track || request.incremental) check_source(request, source);
  const Tracking* tracking = tracking_of(source, context);
  if (request.incremental) require_chain(source.volume, tracking, request);
  const bool holds =
      tracking && !tracking->is_broken() && holds_last_backup(*tracking, request.target);
  if (holds && !request.track && !request.incremental)
    throw Error("target " + request.target + " holds the last backup of the chain of volume '" +
                source.volume + "': use --incremental, or --track for a full backup to it");
  return holds;
}

void require_untouched_target(const Tracking& tracking, const std::string& target) {
  if (volumes::compare_marks(tracking.target_mark, volumes::write_mark(target)) !=
      volumes::Since::kWrittenTo)
    return;
  throw Error("target " + target +
              " was written to since it got the last backup: --incremental --verify compares all "
              "of it, --track makes a full backup that begins a chain");
}

std::string what_is_not_proven(const Tracking& tracking, const std::string& target) {
  const auto since = volumes::compare_marks(tracking.target_mark, volumes::write_mark(target));
  std::string what;
  if (since == volumes::Since::kUnknown) what = "the target";
  if (tracking.boot != io::boot_id())
    what += (what.empty() ? "" : " and ") + std::string("the volume");
  if (what.empty()) return "";
  return "that nobody has written to the disk of " + what +
         " past dmjob since the last backup is known by a sample only; --verify compares all";
}

CheckedChain find_tracker(const Source& source, const CheckContext& context) {
  CheckedChain checked;
  const Tracking* tracking = tracking_of(source, context);
  if (!tracking || tracking->is_broken()) return checked;
  checked.chain.on_tracker = true;
  checked.tracking = *tracking;
  return checked;
}

CheckedChain check_chain(const BackupRequest& request, const Source& source,
                         const std::optional<io::ProbeResult>& target, const CheckContext& context,
                         CopyPlan& plan) {
  CheckedChain checked = find_tracker(source, context);
  BackupChain& chain = checked.chain;
  if (request.incremental) chain.role = Role::kIncremental;
  if (request.track) chain.role = Role::kFull;
  if (chain.on_tracker && chain.is_part()) take_granularity(request, *checked.tracking, plan);
  chain.makes_tracker = request.track && !chain.on_tracker;
  if (chain.makes_tracker) {
    chain.on_tracker = true;
    checked.tracking = new_tracking(request, source, target, context, plan);
  }
  if (request.track) begin_at(plan, *checked.tracking);
  if (request.incremental && !request.verify)
    chain.not_proven = what_is_not_proven(*checked.tracking, plan.target);
  if (request.incremental && plan.new_file) {  // it is not made anew
    plan.new_file = false;
    plan.target_file = file_identity(plan.target);
  }
  return checked;
}

void add_scratch(const volumes::Tracking& tracking, Footprint& footprint) {
  for (const dev_t disk : io::disks_below(tracking.scratch.path).direct)
    footprint.disks.push_back(disk);
}

std::optional<std::uint64_t> first_unmarked_difference(io::BlockDevice& instant,
                                                       io::BlockDevice& target,
                                                       const io::DirtyBitmap& marked) {
  constexpr std::uint64_t kHead = 1 << 20;
  constexpr std::uint64_t kPlaces = 64;
  constexpr std::uint64_t kMost = 64 << 10;  // of a region
  const std::uint64_t head = (kHead + marked.granularity() - 1) / marked.granularity();
  const std::uint64_t step = std::max<std::uint64_t>(1, marked.regions() / kPlaces);
  for (std::uint64_t region = 0; region < marked.regions(); region += region < head ? 1 : step) {
    if (marked.test(region)) continue;
    const std::uint64_t offset = region * marked.granularity();
    const std::uint64_t length = std::min(kMost, marked.region_bytes(region));
    if (!is_equal(instant, target, offset, length)) return offset;
  }
  return std::nullopt;
}

}  // namespace dmjob::drivers

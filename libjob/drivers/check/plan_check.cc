// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/plan_check.h"

#include <bit>
#include <filesystem>
#include <vector>

#include "libjob/core/error.h"
#include "libjob/drivers/check/taken_by.h"
#include "libjob/io/disks_below.h"
#include "libjob/io/geometry.h"
#include "libjob/io/stable_path.h"
#include "libjob/io/udev_database.h"
#include "libjob/io/uuid.h"
#include "libjob/store/scratch.h"
#include "libjob/volumes/mounted_above.h"

namespace dmjob::drivers {
namespace {

using core::Error;

std::uint64_t pick_granularity(const TransferRequest& request, std::uint64_t size) {
  if (!request.granularity) return store::default_granularity(size);
  constexpr std::uint64_t kLeast = 4096;
  constexpr std::uint64_t kMost = 64 << 20;
  if (!std::has_single_bit(*request.granularity) || *request.granularity < kLeast ||
      *request.granularity > kMost)
    throw Error("granularity " + std::to_string(*request.granularity) +
                " is not a power of 2 from 4096 to 64M");
  if (*request.granularity > size)
    throw Error("granularity " + std::to_string(*request.granularity) +
                " is larger than the source (" + std::to_string(size) + " bytes)");
  return *request.granularity;
}

std::string default_id(const TransferRequest& request, const Source& source) {
  return source.volume.empty() ? std::filesystem::path(request.source).filename().string()
                               : source.volume;
}

// A file, also one that is to be made, counts as the disks of its file system.
std::vector<dev_t> disks_of(const CopyPlan& plan, const Source& source) {
  std::vector<dev_t> disks;
  for (const std::string& path : {source.what.path, plan.target, plan.scratch.path}) {
    const std::vector<dev_t> direct = io::disks_below(path).direct;
    disks.insert(disks.end(), direct.begin(), direct.end());
  }
  return disks;
}

}  // namespace

void check_transfer_source(const Source& source) {
  if (source.what.size == 0) throw Error("source " + source.what.path + " is empty");
  if (!source.volume.empty() && source.what.size < 4096)
    throw Error("volume '" + source.volume + "' is smaller than 4096 bytes");
  if (const std::string fault = io::geometry_fault(source.what, {.written = false, .bytes = 0});
      !fault.empty())
    throw Error("source " + source.what.path + " " + fault);
}

CopyPlan plan_transfer(const TransferRequest& request, const Source& source,
                       const std::optional<io::ProbeResult>& target, const CheckContext& context) {
  CopyPlan plan;
  plan.uuid = io::new_uuid();
  plan.volume = source.volume;
  plan.source = source.volume.empty() ? source.what.path : "/dev/mapper/" + source.volume;
  // A link by what it holds now is gone once it holds something else.
  const bool by_contents = io::is_link_of_contents(request.target);
  plan.target = by_contents ? io::stable_path(request.target) : request.target;
  if (source.what.kind == io::Kind::kBlockDevice) plan.source_disk = io::identify_disk(plan.source);
  if (target && target->kind == io::Kind::kBlockDevice)
    plan.target_disk = io::identify_disk(request.target);
  plan.managed = source.managed;
  plan.owner = source.owner;
  plan.size = source.what.size;
  plan.granularity = pick_granularity(request, plan.size);
  plan.new_file = !target || target->kind == io::Kind::kFile;
  plan.speed = request.speed > 0 ? static_cast<std::uint64_t>(request.speed) : 0;
  plan.on_source_error = request.on_source_error;
  plan.on_target_error = request.on_target_error;
  plan.verify = request.verify;
  plan.error_map = request.error_map.value_or("");
  if (plan.live()) plan.not_frozen = volumes::not_frozen_with(*context.control, plan.volume);
  return plan;
}

ScratchWish scratch_wish(const TransferRequest& request, const CopyPlan& plan,
                         const CheckContext& context) {
  const std::string& folder = plan.live() || !context.scratch_folder.empty()
                                  ? context.scratch_folder
                                  : context.state_folder;
  return {.path = request.scratch,
          .force = request.force,
          .bytes = scratch_bytes(plan),
          .folder = folder,
          .memory_folder = context.memory_folder,
          .file_name = "scratch-" + plan.uuid,
          .waited_for = plan.live()};
}

Footprint footprint_of(const TransferRequest& request, const CopyPlan& plan, const Source& source,
                       const std::optional<store::CowPlace>& cow) {
  return {.default_id = default_id(request, source),
          .source = plan.source,
          .volume = plan.volume,
          .uses = uses_of(plan, cow),
          .marks = marks_of(plan),
          .volume_dev = plan.live() ? source.what.dev : 0,
          .disks = disks_of(plan, source)};
}

void set_scratch(CopyPlan& plan, ScratchPlace scratch) {
  plan.scratch = std::move(scratch);
  if (plan.scratch.kind == ScratchPlace::Kind::kDevice)
    plan.scratch_disk = io::identify_disk(plan.scratch.path);
}

}  // namespace dmjob::drivers

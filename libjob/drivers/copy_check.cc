// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy_check.h"

#include <sys/stat.h>

#include <bit>
#include <filesystem>

#include "dm/mirror_log.h"
#include "libjob/core/error.h"
#include "libjob/drivers/error_map_check.h"
#include "libjob/drivers/scratch_place.h"
#include "libjob/drivers/target_check.h"
#include "libjob/store/scratch.h"

namespace dmjob::drivers {
namespace {

using core::Error;

std::uint64_t pick_granularity(const CopyRequest& request, std::uint64_t size) {
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

std::string default_id(const CopyRequest& request, const Source& source) {
  return source.volume.empty() ? std::filesystem::path(request.source).filename().string()
                               : source.volume;
}

std::vector<std::string> claims_of(const CopyPlan& plan, const Source& source,
                                   const std::optional<io::ProbeResult>& target) {
  std::vector<std::string> claims{name_claim(source.what),
                                  target ? name_claim(*target) : plan.target};
  if (plan.live()) claims.push_back(plan.volume);
  if (plan.scratch.kind == ScratchPlace::Kind::kDevice)
    claims.push_back(name_claim(io::probe(plan.scratch.path)));
  if (!plan.error_map.empty()) claims.push_back(error_map_claim(plan.error_map));
  return claims;
}

// A file counts as the disk of its file system.
std::vector<dev_t> disks_of(const CopyPlan& plan, const Source& source,
                            const std::optional<io::ProbeResult>& target) {
  std::vector<dev_t> disks{source.what.dev};
  if (target) disks.push_back(target->dev);
  struct stat scratch{};
  std::string path = plan.scratch.path;
  if (plan.scratch.kind == ScratchPlace::Kind::kFile)
    path = std::filesystem::path(path).parent_path();
  if (stat(path.c_str(), &scratch) == 0)
    disks.push_back(S_ISBLK(scratch.st_mode) ? scratch.st_rdev : scratch.st_dev);
  return disks;
}

void check_source(const Source& source, const CopyRequest& request) {
  if (source.what.size == 0) throw Error("source " + source.what.path + " is empty");
  if (!source.volume.empty() && source.what.size < 4096)
    throw Error("volume '" + source.volume + "' is smaller than 4096 bytes");
  if (request.will_pivot && source.volume.empty())
    throw Error("source " + source.what.path + " is not a volume: there is nothing to pivot");
  if (request.will_pivot && !source.managed)
    throw Error("volume '" + source.volume + "' belongs to " + source.owner +
                ", which would bring the old disk back at the next boot: it cannot be pivoted; "
                "copy it with --finish");
}

}  // namespace

CheckedCopy check_copy(const CopyRequest& request, const CheckContext& context) {
  const Source source = find_source(request.source, context);
  check_source(source, request);
  const auto target = check_target({.path = request.target,
                                    .force = request.force,
                                    .must_exist = request.must_exist,
                                    .disk_only = !source.volume.empty()},
                                   source, context);
  if (request.error_map) check_error_map(request, context.busy);
  CheckedCopy checked;
  CopyPlan& plan = checked.plan;
  plan.uuid = volumes::new_uuid();
  plan.volume = source.volume;
  plan.source = source.volume.empty() ? request.source : "/dev/mapper/" + source.volume;
  plan.target = request.target;
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
  plan.error_map = request.error_map.value_or("");
  const std::string& folder = plan.live() || !context.scratch_folder.empty()
                                  ? context.scratch_folder
                                  : context.state_folder;
  plan.scratch = choose_scratch({.path = request.scratch,
                                 .force = request.force,
                                 .bytes = scratch_bytes(plan),
                                 .folder = folder,
                                 .memory_folder = context.memory_folder,
                                 .file_name = "scratch-" + plan.uuid},
                                source.what, target);
  checked.footprint = {.default_id = default_id(request, source),
                       .source = plan.source,
                       .volume = plan.volume,
                       .claims = claims_of(plan, source, target),
                       .volume_dev = plan.live() ? source.what.dev : 0,
                       .disks = disks_of(plan, source, target)};
  return checked;
}

std::uint64_t regions(const CopyPlan& plan) {
  return (plan.size + plan.granularity - 1) / plan.granularity;
}

std::uint64_t log_bytes(const CopyPlan& plan) {
  return plan.live() ? dm::mirror_log_bytes(regions(plan)) : 0;
}

std::uint64_t scratch_bytes(const CopyPlan& plan) {
  return store::scratch_layout(plan.size, plan.granularity, log_bytes(plan)).total;
}

}  // namespace dmjob::drivers

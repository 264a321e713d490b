// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Behind the scratch's own bytes, on the same disk, is what the snapshot keeps; of a scratch that
// is a file, a second file beside it, which grows.
#include "libjob/drivers/backup/backup_check.h"

#include <algorithm>
#include <filesystem>

#include "libjob/core/error.h"
#include "libjob/drivers/check/error_map_check.h"
#include "libjob/drivers/check/kernel_check.h"
#include "libjob/drivers/check/plan_check.h"
#include "libjob/drivers/check/taken_by.h"
#include "libjob/drivers/check/target_check.h"
#include "libjob/io/units.h"

namespace dmjob::drivers {
namespace {

using core::Error;

// To begin with. A place that nobody has named is taken only if it has room for a tenth of the
// volume.
std::uint64_t least_cow(const CopyPlan& plan, bool named) {
  constexpr std::uint64_t kChunks = 64;
  constexpr std::uint64_t kPart = 10;
  const std::uint64_t wanted = std::max(kChunks * chunk_bytes(plan), named ? 0 : plan.size / kPart);
  return std::min(wanted, store::CowSpace::most_bytes(plan.size, chunk_bytes(plan)));
}

store::CowPlace beside(const ScratchPlace& scratch, std::uint64_t most) {
  const std::string path = scratch.path + "-cow";
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored))
    throw Error("scratch " + path + " is a file that exists already: name another with --scratch");
  return {{scratch.kind, path, 0}, most};
}

store::CowPlace behind(const ScratchPlace& scratch, std::uint64_t used, std::uint64_t most,
                       std::uint64_t chunk) {
  const std::uint64_t offset = io::round_up(scratch.offset + used, chunk);
  const std::uint64_t room = (io::probe(scratch.path).size - offset) / chunk * chunk;
  return {{scratch.kind, scratch.path, offset}, std::min(room, most)};
}

store::CowPlace place_cow(const CopyPlan& plan) {
  const std::uint64_t chunk = chunk_bytes(plan);
  const std::uint64_t most = store::CowSpace::most_bytes(plan.size, chunk);
  return plan.scratch.is_file() ? beside(plan.scratch, most)
                                : behind(plan.scratch, scratch_bytes(plan), most, chunk);
}

}  // namespace

void place_scratch(CheckedBackup& checked, const TransferRequest& request, const Source& source,
                   const std::optional<io::ProbeResult>& target, const CheckContext& context) {
  CopyPlan& plan = checked.plan;
  ScratchWish wish = scratch_wish(request, plan, context);
  if (plan.live()) {
    require_targets(*context.control, dm::kTargetsOfBackup,
                    "volume '" + plan.volume + "' cannot be read as of one instant");
    wish.bytes += kMostChunkBytes + least_cow(plan, request.scratch.has_value());
    wish.memory_folder.clear();
    wish.most_block = source.what.logical_block_size;
  }
  set_scratch(plan, choose_scratch(wish, source.what, target, context));
  if (plan.live()) checked.cow = place_cow(plan);
}

CheckedBackup check_backup(const BackupRequest& request, const CheckContext& context) {
  const Source source = find_source(request.source, context);
  check_transfer_source(source);
  const bool is_ours = check_chain_target(request, source, context);
  const auto target =
      check_target({.path = request.target, .force = request.force || is_ours}, source, context);
  if (request.error_map) check_error_map(request, context);
  CheckedBackup checked;
  CopyPlan& plan = checked.plan;
  plan = plan_transfer(request, source, target, context);
  plan.fixed_source = plan.live();
  checked.chain = check_chain(request, source, target, context, plan);
  place_scratch(checked, request, source, target, context);
  checked.footprint = footprint_of(request, plan, source, checked.cow);
  checked.footprint.shares_instant = plan.live();
  if (checked.chain.tracking) add_scratch(*checked.chain.tracking, checked.footprint);
  if (checked.chain.chain.makes_tracker)  // else its volume has it
    checked.footprint.uses.push_back(use_of(*checked.chain.tracking));
  return checked;
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What can be wrong with a backup that begins or continues a chain of incremental ones, and what
// can be wrong with any backup of a volume that has such a chain. Nothing is changed.
//
// Thread: a worker; may block. Errors: core::Error for the user, with the way out.
#pragma once

#include <optional>
#include <system_error>

#include "libjob/drivers/backup/backup_chain.h"
#include "libjob/drivers/check/check_context.h"
#include "libjob/drivers/check/source_check.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/drivers/plan/copy_request.h"
#include "libjob/io/block_device.h"
#include "libjob/io/dirty_bitmap.h"

namespace dmjob::drivers {

// Refuses an incremental backup without a chain to its target. True if the target holds a backup of
// this chain: it may be overwritten without being forced.
bool check_chain_target(const BackupRequest& request, const Source& source,
                        const CheckContext& context);

// Throws if somebody else has written to the target since the last backup, as far as is known.
void require_untouched_target(const volumes::Tracking& tracking, const std::string& target);
// What a sample alone tells an incremental backup that does not read all, in words; "" if nothing.
// Before anything is written to the target.
std::string what_is_not_proven(const volumes::Tracking& tracking, const std::string& target);

struct CheckedChain {
  BackupChain chain;
  std::optional<volumes::Tracking> tracking;  // of the volume, from the backup's start on
};
// Of a job that only has to go under the tracker of its volume, if there is one.
CheckedChain find_tracker(const Source& source, const CheckContext& context);
// Changes the plan to what the chain demands.
CheckedChain check_chain(const BackupRequest& request, const Source& source,
                         const std::optional<io::ProbeResult>& target, const CheckContext& context,
                         CopyPlan& plan);

// What the tracker needs while volumes are suspended.
void add_scratch(const volumes::Tracking& tracking, Footprint& footprint);

// Where, by a sample of regions that are not marked, the target of a chain is not what the volume
// was at the instant: the first MiB and places all over the volume. nullopt: nowhere. What cannot
// be read is passed over. A whole comparison is a job of its own.
std::optional<std::uint64_t> first_unmarked_difference(io::BlockDevice& instant,
                                                       io::BlockDevice& target,
                                                       const io::DirtyBitmap& marked);

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy/copy_check.h"

#include "libjob/core/error.h"
#include "libjob/drivers/check/error_map_check.h"
#include "libjob/drivers/check/flush_check.h"
#include "libjob/drivers/check/kernel_check.h"
#include "libjob/drivers/check/plan_check.h"
#include "libjob/drivers/check/target_check.h"

namespace dmjob::drivers {
namespace {

using core::Error;

void check_source(const Source& source, const CopyRequest& request) {
  check_transfer_source(source);
  if (source.tracked)
    throw Error("volume '" + source.volume +
                "' has a chain of incremental backups, which a copy would break: 'dmjob untrack " +
                source.volume + "' ends it, then copy");
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
  if (!source.volume.empty())
    require_targets(*context.control, dm::kTargetsOfCopy,
                    "volume '" + source.volume + "' cannot be copied while it is in use");
  const auto target = check_target({.path = request.target,
                                    .force = request.force,
                                    .must_exist = request.must_exist,
                                    .disk_only = !source.volume.empty()},
                                   source, context);
  if (request.will_pivot) require_flushes(*context.control, source.volume, target.value());
  if (request.error_map) check_error_map(request, context);
  CopyPlan plan = plan_transfer(request, source, target, context);
  set_scratch(plan,
              choose_scratch(scratch_wish(request, plan, context), source.what, target, context));
  return {plan, footprint_of(request, plan, source)};
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/compare/compare_check.h"

#include "libjob/drivers/check/plan_check.h"
#include "libjob/drivers/check/target_check.h"

namespace dmjob::drivers {

CheckedBackup check_comparison(const CompareRequest& request, const CheckContext& context) {
  const Source source = find_source(request.source, context);
  check_transfer_source(source);
  const auto target = check_target({.path = request.target, .must_exist = true, .only_read = true},
                                   source, context);
  CheckedBackup checked;
  CopyPlan& plan = checked.plan;
  plan = plan_transfer(request, source, target, context);
  plan.only_compare = true;
  plan.new_file = false;
  plan.verify = true;
  plan.fixed_source = plan.live();
  checked.chain = find_tracker(source, context);
  // Never in the target's tail.
  if (plan.live()) place_scratch(checked, request, source, std::nullopt, context);
  checked.footprint = footprint_of(request, plan, source, checked.cow);
  if (checked.chain.tracking) add_scratch(*checked.chain.tracking, checked.footprint);
  return checked;
}

}  // namespace dmjob::drivers

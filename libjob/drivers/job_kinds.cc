// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/job_kinds.h"

#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/copy_check.h"
#include "libjob/drivers/copy_driver.h"

namespace dmjob::drivers {
namespace {

// The group's copies, kept alive by the group.
std::shared_ptr<LiveGroup> copies_of(const DriverGroupPtr& group) {
  return {group, &group->copies};
}

CheckedJob check(const CopyRequest& request, const CheckContext& context) {
  CheckedCopy checked = check_copy(request, context);
  auto make = [plan = std::move(checked.plan)](Environment& environment, const std::string& job_id,
                                               const DriverGroupPtr& group) {
    return make_copy_driver(environment, plan, job_id, false, copies_of(group));
  };
  return {std::move(checked.footprint), std::move(make)};
}

}  // namespace

const JobSettings& settings_of(const JobRequest& request) {
  return std::visit([](const auto& any) -> const JobSettings& { return any; }, request);
}

CheckedJob check_job(const JobRequest& request, const CheckContext& context) {
  return std::visit([&](const auto& any) { return check(any, context); }, request);
}

std::unique_ptr<core::Driver> restore_driver(Environment& environment, const std::string& type,
                                             const nlohmann::json& record,
                                             const std::string& job_id,
                                             const DriverGroupPtr& group) {
  if (type == "mirror")
    return make_copy_driver(environment, CopyPlan::restore(record), job_id, true, copies_of(group));
  throw core::Error("job '" + job_id + "' is of the unknown type '" + type + "'");
}

}  // namespace dmjob::drivers

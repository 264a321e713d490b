// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/job_kinds.h"

#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/backup/backup_check.h"
#include "libjob/drivers/backup/backup_driver.h"
#include "libjob/drivers/check/taken_by.h"
#include "libjob/drivers/compare/compare_check.h"
#include "libjob/drivers/compare/compare_driver.h"
#include "libjob/drivers/compare/volume_compare.h"
#include "libjob/drivers/copy/copy_check.h"
#include "libjob/drivers/copy/live_driver.h"
#include "libjob/drivers/copy/offline_driver.h"
#include "libjob/drivers/overlay/commit_driver.h"
#include "libjob/drivers/overlay/stream_driver.h"

namespace dmjob::drivers {
namespace {

// The group's copies, kept alive by the group.
std::shared_ptr<PivotGroup> copies_of(const DriverGroupPtr& group) {
  return {group, &group->copies};
}

std::unique_ptr<core::Driver> make_copy(Environment& environment, CopyPlan plan,
                                        const std::string& job_id, bool resumed,
                                        const DriverGroupPtr& group) {
  if (plan.live())
    return std::make_unique<LiveDriver>(environment, std::move(plan), job_id, resumed,
                                        copies_of(group));
  return std::make_unique<OfflineDriver>(environment, std::move(plan), job_id, resumed);
}

CheckedJob check(const CopyRequest& request, const CheckContext& context) {
  CheckedCopy checked = check_copy(request, context);
  auto make = [plan = std::move(checked.plan)](Environment& environment, const std::string& job_id,
                                               const DriverGroupPtr& group) {
    return make_copy(environment, plan, job_id, false, group);
  };
  return {std::move(checked.footprint), std::move(make)};
}

CheckedJob check(const BackupRequest& request, const CheckContext& context) {
  CheckedBackup checked = check_backup(request, context);
  Footprint footprint = checked.footprint;
  auto make = [checked = std::move(checked)](
                  Environment& environment, const std::string& job_id,
                  const DriverGroupPtr& group) -> std::unique_ptr<core::Driver> {
    if (!checked.cow)
      return std::make_unique<OfflineBackup>(environment, checked.plan, job_id, false);
    return std::make_unique<BackupDriver>(environment, checked, job_id, group->backups);
  };
  return {std::move(footprint), std::move(make)};
}

std::unique_ptr<core::Driver> restore_backup(Environment& environment, const nlohmann::json& record,
                                             const std::string& job_id) {
  if (record.contains("cow")) return std::make_unique<BackupDriver>(environment, record, job_id);
  return std::make_unique<OfflineBackup>(environment, CopyPlan::restore(record), job_id, true);
}

CheckedJob check(const CompareRequest& request, const CheckContext& context) {
  CheckedBackup checked = check_comparison(request, context);
  Footprint footprint = checked.footprint;
  auto make = [checked = std::move(checked)](
                  Environment& environment, const std::string& job_id,
                  const DriverGroupPtr&) -> std::unique_ptr<core::Driver> {
    if (!checked.cow)
      return std::make_unique<CompareDriver>(environment, checked.plan, job_id, false);
    return std::make_unique<LiveCompare>(environment, checked, job_id,
                                         std::make_shared<BackupGroup>());
  };
  return {std::move(footprint), std::move(make)};
}

std::unique_ptr<core::Driver> restore_comparison(Environment& environment,
                                                 const nlohmann::json& record,
                                                 const std::string& job_id) {
  if (record.contains("cow")) return std::make_unique<LiveCompare>(environment, record, job_id);
  return std::make_unique<CompareDriver>(environment, CopyPlan::restore(record), job_id, true);
}

CheckedJob check(const StreamRequest& request, const CheckContext& context) {
  CheckedStream checked = check_stream(request, context);
  auto make = [plan = std::move(checked.plan)](Environment& environment, const std::string& job_id,
                                               const DriverGroupPtr& /*group*/) {
    return std::make_unique<StreamDriver>(environment, plan, job_id, false);
  };
  return {std::move(checked.footprint), std::move(make)};
}

CheckedJob check(const CommitRequest& request, const CheckContext& context) {
  CheckedCommit checked = check_commit(request, context);
  auto make = [plan = std::move(checked.plan)](Environment& environment, const std::string& job_id,
                                               const DriverGroupPtr& /*group*/) {
    return std::make_unique<CommitDriver>(environment, plan, job_id);
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
    return make_copy(environment, CopyPlan::restore(record), job_id, true, group);
  if (type == "backup") return restore_backup(environment, record, job_id);
  if (type == "compare") return restore_comparison(environment, record, job_id);
  if (type == "stream")
    return std::make_unique<StreamDriver>(environment, StreamDriver::restore_plan(record), job_id,
                                          true);
  if (type == "commit")
    return std::make_unique<CommitDriver>(environment, CommitPlan::restore(record), job_id);
  throw core::Error("job '" + job_id + "' is of the unknown type '" + type + "'");
}

Holding restore_holding(const std::string& type, const nlohmann::json& record,
                        const std::string& job_id) {
  Footprint footprint;
  if (type == "commit") {
    const CommitPlan plan = CommitPlan::restore(record);
    footprint.volume = plan.volume;
    footprint.uses = {use_of_volume(plan.volume), {.role = "disk", .path = plan.disk}};
    return holding_of(job_id, footprint);
  }
  const CopyPlan plan = CopyPlan::restore(record);
  std::optional<store::CowPlace> cow;
  if (record.contains("cow")) cow = store::CowPlace::restore(record.at("cow"));
  footprint.volume = plan.volume;
  footprint.uses = uses_of(plan, cow);
  footprint.marks = marks_of(plan);
  if (type == "stream") {
    footprint.volume = StreamDriver::restore_plan(record).volume;
    let_wait_for_target(footprint.uses);
    footprint.uses.push_back(use_of_volume(footprint.volume));
  }
  return holding_of(job_id, footprint);
}

}  // namespace dmjob::drivers

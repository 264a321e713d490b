// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The kinds of jobs: for each, how a request becomes a driver, and how a record does.
// Thread: each function says its own.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "libjob/core/driver.h"
#include "libjob/drivers/backup/backup_group.h"
#include "libjob/drivers/check/check_context.h"
#include "libjob/drivers/check/taken.h"
#include "libjob/drivers/copy/pivot_group.h"
#include "libjob/drivers/overlay/overlay_jobs_check.h"
#include "libjob/drivers/plan/compare_request.h"
#include "libjob/drivers/plan/copy_request.h"
#include "libjob/drivers/plan/environment.h"

namespace dmjob::drivers {

using JobRequest =
    std::variant<CopyRequest, BackupRequest, CompareRequest, StreamRequest, CommitRequest>;

// The drivers' side of a transaction. Owned by its members.
struct DriverGroup {
  PivotGroup copies;  // that end together
  std::shared_ptr<BackupGroup> backups = std::make_shared<BackupGroup>();
};
using DriverGroupPtr = std::shared_ptr<DriverGroup>;

struct CheckedJob {
  Footprint footprint;
  // Thread: the reactor.
  std::function<std::unique_ptr<core::Driver>(Environment&, const std::string& job_id,
                                              const DriverGroupPtr&)>
      make_driver;
};

const JobSettings& settings_of(const JobRequest& request);
// Everything that can be wrong before the job begins; nothing is changed. Throws core::Error.
// Thread: a worker; may block.
CheckedJob check_job(const JobRequest& request, const CheckContext& context);
// Of a job that an earlier process had begun. type, record: as Driver's type() and record(). Throws
// core::Error or nlohmann's exceptions for a damaged record. Thread: the reactor.
std::unique_ptr<core::Driver> restore_driver(Environment& environment, const std::string& type,
                                             const nlohmann::json& record,
                                             const std::string& job_id,
                                             const DriverGroupPtr& group);
// What such a job names. type, record, errors: as those of restore_driver().
Holding restore_holding(const std::string& type, const nlohmann::json& record,
                        const std::string& job_id);

}  // namespace dmjob::drivers

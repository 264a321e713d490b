// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a user asks of the jobs that end an overlay, checked. Nothing is changed.
// Thread: a worker; may block. Errors: core::Error for the user.
#pragma once

#include <optional>
#include <string>

#include "libjob/core/error_policy.h"
#include "libjob/drivers/check/check_context.h"
#include "libjob/drivers/overlay/commit_driver.h"
#include "libjob/drivers/overlay/stream_driver.h"
#include "libjob/drivers/plan/job_settings.h"

namespace dmjob::drivers {

struct StreamRequest : JobSettings {
  std::string volume;
  std::optional<std::string> target;   // an absolute path; default: the overlay's
  std::optional<std::string> scratch;  // for the checkpoints
  core::OnError on_source_error = core::OnError::kReport;
  core::OnError on_target_error = core::OnError::kReport;
  bool force = false;  // overwrite a target that carries a signature
};

struct CommitRequest : JobSettings {
  std::string volume;
  core::OnError on_error = core::OnError::kReport;
};

struct CheckedStream {
  StreamPlan plan;
  Footprint footprint;
};
CheckedStream check_stream(const StreamRequest& request, const CheckContext& context);

struct CheckedCommit {
  CommitPlan plan;
  Footprint footprint;
};
CheckedCommit check_commit(const CommitRequest& request, const CheckContext& context);

}  // namespace dmjob::drivers

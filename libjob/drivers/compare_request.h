// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a user asks of a comparison, as it came over the wire and before anything is checked.
// Thread: any (value).
#pragma once

#include <string>

#include "libjob/core/error_policy.h"
#include "libjob/drivers/job_settings.h"

namespace dmjob::drivers {

struct CompareRequest : JobSettings {
  std::string source;  // a volume's name, or an absolute path
  std::string target;  // an absolute path
  core::OnError on_source_error = core::OnError::kReport;
  core::OnError on_target_error = core::OnError::kReport;
};

}  // namespace dmjob::drivers

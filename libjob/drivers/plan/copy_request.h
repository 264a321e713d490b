// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a user asks of a copy or a backup, as it came over the wire and before anything is checked.
// Thread: any (value).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libjob/core/error_policy.h"
#include "libjob/drivers/plan/job_settings.h"

namespace dmjob::drivers {

struct TransferRequest : JobSettings {
  std::string source;  // a volume's name, or an absolute path
  std::string target;  // an absolute path
  std::optional<std::string> scratch;
  std::optional<std::uint64_t> granularity;  // bytes
  core::OnError on_source_error = core::OnError::kReport;
  core::OnError on_target_error = core::OnError::kReport;
  std::optional<std::string> error_map;  // an absolute path
  bool verify = false;                   // read the target back and compare
  bool force = false;                    // overwrite a target that carries a signature
};

struct CopyRequest : TransferRequest {
  bool must_exist = false;  // the target: no file is made
  bool will_pivot = false;  // the user means to complete it: refuse now what would be refused then
};

struct BackupRequest : TransferRequest {
  bool track = false;        // it begins a chain of incremental ones
  bool incremental = false;  // it copies what has changed since the last one of the chain
};

}  // namespace dmjob::drivers

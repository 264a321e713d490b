// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a job does about an I/O error, as QEMU's BlockdevOnError and block_job_error_action().
// Thread: any (pure functions).
#pragma once

#include <optional>
#include <string_view>
#include <system_error>

namespace dmjob::core {

enum class OnError {
  kReport,  // the job fails
  kIgnore,  // an event, the job goes on; what could not be copied is tried again later
  kStop,    // the job is paused until somebody resumes it
  kEnospc,  // stop if there was no space, else report
};

enum class ErrorAction { kReport, kIgnore, kStop };

enum class IoStatus { kOk, kFailed, kNoSpace };

ErrorAction decide(OnError policy, std::error_code error);

std::string_view to_string(OnError policy);
std::string_view to_string(ErrorAction action);
std::string_view to_string(IoStatus status);

// nullopt for an unknown word. "auto" is taken as enospc.
std::optional<OnError> parse_on_error(std::string_view word);
// The word of a record. Throws std::invalid_argument if it is none.
OnError restore_on_error(std::string_view word);
std::optional<IoStatus> parse_io_status(std::string_view word);

}  // namespace dmjob::core

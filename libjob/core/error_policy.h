// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// What a job does about an I/O error, as QEMU's BlockdevOnError and block_job_error_action().
/// Thread: any (pure functions).
#pragma once

#include <optional>
#include <string_view>
#include <system_error>

#include "libjob/core/export.h"

namespace dmjob::core {

/// What was asked for.
enum class OnError {
  kReport,  ///< the job fails
  kIgnore,  ///< an event, the job goes on; what could not be copied is tried again later
  kStop,    ///< the job is paused until somebody resumes it
  kEnospc,  ///< stop if there was no space, else report
};

/// What is done about an error.
enum class ErrorAction {
  kReport,  ///< the job fails
  kIgnore,  ///< the job goes on
  kStop,    ///< the job is paused
};

/// What a paused job was stopped by.
enum class IoStatus {
  kOk,       ///< no error
  kFailed,   ///< an I/O error
  kNoSpace,  ///< the target is full
};

/// What the policy says of an error.
DMJOB_EXPORT ErrorAction decide(OnError policy, std::error_code error);

/// QMP's word: "report".
DMJOB_EXPORT std::string_view to_string(OnError policy);
/// QMP's word: "stop".
DMJOB_EXPORT std::string_view to_string(ErrorAction action);
/// QMP's word: "nospace".
DMJOB_EXPORT std::string_view to_string(IoStatus status);

/// nullopt for an unknown word. "auto" is taken as enospc.
DMJOB_EXPORT std::optional<OnError> parse_on_error(std::string_view word);
/// The word of a record. Throws std::invalid_argument if it is none.
DMJOB_EXPORT OnError restore_on_error(std::string_view word);
/// nullopt for an unknown word.
DMJOB_EXPORT std::optional<IoStatus> parse_io_status(std::string_view word);

}  // namespace dmjob::core

// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// What a job can be and what may be asked of it. The tables in status_table.cc are the
/// specification; libjob/README.md draws them, QEMU 7.2's job.c is the model.
/// Thread: any (values).
#pragma once

#include <optional>
#include <string_view>

#include "libjob/core/export.h"

namespace dmjob::core {

/// Where a job is in its life.
enum class Status {
  kUndefined,  ///< never visible: being made
  kCreated,    ///< exists, not started
  kRunning,    ///< working
  kPaused,     ///< stopped while running
  kReady,      ///< converged; waits for complete or cancel
  kStandby,    ///< stopped while ready
  kWaiting,    ///< done; waits for the rest of its transaction
  kPending,    ///< waits for finalize
  kAborting,   ///< failing, or cancelled
  kConcluded,  ///< finished; its result can be read
  kNull,       ///< gone
};
/// How many there are.
inline constexpr int kStatuses = 11;

/// What a user asks of a job.
enum class Verb {
  kCancel,    ///< end without success; after ready, without force: end with a consistent copy
  kPause,     ///< stop at the next pause point
  kResume,    ///< take the user's pause back
  kSetSpeed,  ///< new rate limit
  kComplete,  ///< end a ready job with success
  kFinalize,  ///< let a pending job take effect
  kDismiss,   ///< forget a concluded job
};
/// How many there are.
inline constexpr int kVerbs = 7;

/// Which of the driver's calls belong to a status.
enum class Stage {
  kWork,    ///< run()
  kEffect,  ///< prepare(), commit()
  kAbort,   ///< abort()
  kOver,    ///< none: the job holds nothing but its id
};

/// Whether a job goes from the one to the other in one step.
DMJOB_EXPORT bool may_move(Status from, Status to);
/// Whether the status takes the verb. A job may have further reasons to refuse (not paused, …).
DMJOB_EXPORT bool may_apply(Verb verb, Status status);

/// The calls that belong to the status.
DMJOB_EXPORT Stage stage_of(Status status);
/// Ready or standby.
DMJOB_EXPORT bool is_ready_status(Status status);
/// running -> paused, ready -> standby, else the same.
DMJOB_EXPORT Status paused_form(Status status);
/// paused -> running, standby -> ready, else the same.
DMJOB_EXPORT Status unpaused_form(Status status);

/// QEMU's word: "running".
DMJOB_EXPORT std::string_view to_string(Status status);
/// QEMU's word: "set-speed".
DMJOB_EXPORT std::string_view to_string(Verb verb);
/// nullopt for an unknown word.
DMJOB_EXPORT std::optional<Status> parse_status(std::string_view word);

}  // namespace dmjob::core

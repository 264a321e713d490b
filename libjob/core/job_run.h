// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The coroutine of a job. Thread: the reactor.
#pragma once

#include "libjob/core/job_state.h"

namespace dmjob::core {

// Starts the coroutine.
void launch(JobState& job);
// A job that was never started has no coroutine that could act on a cancel: it gets one.
void launch_if_created(JobState& job);
// Takes a concluded job to null; the job may be destroyed in the call.
void forget(JobState& job);

}  // namespace dmjob::core

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the members of a transaction do with one another. A job of its own is the only member of its
// own. Thread: the reactor.
#pragma once

#include <string>

#include "libjob/core/job_state.h"

namespace dmjob::core {

// The job is done. The last one that is takes all of them to pending.
void converge(JobState& job);
// One of them has auto_finalize off.
bool is_to_be_finalized(const JobState& job);
// From here on no member can be cancelled by a user.
void enter_prepare(JobState& job);
// The record of the job says that it is in prepare(). No member begins before all are sure that no
// cancel will come.
void be_preparing(JobState& job);
bool all_durably_preparing(const JobState& job);
// prepare() of the job has succeeded. Once it has for all, one record tells it of all.
void be_prepared(JobState& job);
// prepare() of the job has said NotNow. Once it has for all, all go back to run().
void be_put_off(JobState& job, std::string reason);
// No member has come so far that it cannot go back.
bool can_go_back(const JobState& job);
// The job fails or is cancelled, and takes the others with it.
void break_group(JobState& job);
// The daemon ends, and this member does not get on: nor does any other.
void give_up_for_exit(JobState& job);
bool group_has_given_up(const JobState& job);

}  // namespace dmjob::core

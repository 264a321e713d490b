// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/job_group.h"

#include <algorithm>
#include <utility>

#include "libjob/core/job_run.h"

namespace dmjob::core {
namespace {

// The call may make members leave.
template <typename Call>
void for_group(JobState& job, Call call) {
  for (JobState* member : std::vector<JobState*>(job.members())) call(*member);
}

void kick_group(JobState& job) {
  for_group(job, [](JobState& member) { member.kick(); });
}

bool is_prepared(const JobState* job) { return job->step == EffectStep::kPrepared; }

// As if it had never been asked to take effect.
void go_back(JobState& job) {
  job.step = EffectStep::kGoesBack;
  job.flags.preparing = job.flags.complete = job.flags.soft_cancel = job.flags.finalize = false;
  job.move(Status::kReady);
  job.host.persist_soon();
  job.kick();
}

// Another member fails or is cancelled.
void go_with_the_group(JobState& job) {
  if (job.flags.cancelled || job.flags.prepared || job.life.outcome != Outcome::kOpen) return;
  job.flags.cancelled = true;
  if (job.flags.user_paused) job.take_back_pause();
  job.wake();
  launch_if_created(job);
}

}  // namespace

void converge(JobState& job) {
  if (stage_of(job.status) == Stage::kWork) job.move(Status::kWaiting);
  const auto waits = [](const JobState* member) { return member->status == Status::kWaiting; };
  if (!std::ranges::all_of(job.members(), waits)) return;
  for_group(job, [](JobState& member) { member.move(Status::kPending); });
  for_group(job, [](JobState& member) {
    if (!member.options.auto_finalize)
      member.publish("BLOCK_JOB_PENDING", {{"type", member.type}, {"id", member.id()}});
    member.kick();
  });
}

bool is_to_be_finalized(const JobState& job) {
  const auto is_manual = [](const JobState* member) { return !member->options.auto_finalize; };
  return std::ranges::any_of(job.members(), is_manual);
}

void Job::finalize() {
  state_->admit(Verb::kFinalize);
  for_group(*state_, [](JobState& member) {
    member.flags.finalize = true;
    member.wake();
  });
}

void enter_prepare(JobState& job) {
  for_group(job, [](JobState& member) { member.flags.preparing = true; });
}

void be_preparing(JobState& job) {
  job.step = EffectStep::kPreparing;
  kick_group(job);
}

bool all_durably_preparing(const JobState& job) {
  return std::ranges::all_of(job.members(), [](const JobState* member) {
    return member->step != EffectStep::kNone && member->step != EffectStep::kGoesBack;
  });
}

void be_prepared(JobState& job) {
  if (job.flags.cancelled) return;
  job.step = EffectStep::kPrepared;
  kick_group(job);  // who was put off can no longer go back
  if (!std::ranges::all_of(job.members(), is_prepared)) return;
  for_group(job, [](JobState& member) {
    member.flags.prepared = true;
    member.kick();
  });
}

void be_put_off(JobState& job, std::string reason) {
  job.step = EffectStep::kPutOff;
  job.put_off = std::move(reason);
  job.publish("JOB_STALLED", {{"id", job.id()}, {"reason", job.put_off}});
  const auto is_put_off = [](const JobState* member) {
    return member->step == EffectStep::kPutOff && member->flags.ready;
  };
  if (!job.life.exiting && std::ranges::all_of(job.members(), is_put_off)) for_group(job, go_back);
}

bool can_go_back(const JobState& job) {
  return std::ranges::none_of(job.members(), is_prepared) && job.flags.ready;
}

void break_group(JobState& job) {
  for_group(job, [&job](JobState& member) {
    if (&member != &job) go_with_the_group(member);
  });
}

void give_up_for_exit(JobState& job) {
  job.life.given_up = true;
  kick_group(job);
}

bool group_has_given_up(const JobState& job) {
  const auto has_given_up = [](const JobState* member) { return member->life.given_up; };
  return std::ranges::any_of(job.members(), has_given_up);
}

}  // namespace dmjob::core

// SPDX-License-Identifier: LGPL-2.1-or-later
// What the members of a transaction do with one another. A job of its own is the only member of its
// own.
#include <algorithm>

#include "libjob/core/job.h"

namespace dmjob::core {

// The call may make members leave.
template <typename Call>
void Job::for_group(Call call) {
  const std::vector<Job*> members = transaction_->members();
  for (Job* member : members) call(*member);
}

// The last one that is done takes all of them to pending.
void Job::converge() {
  if (stage_of(status_) == Stage::kWork) move(Status::kWaiting);
  const auto waits = [](const Job* job) { return job->status_ == Status::kWaiting; };
  if (!std::ranges::all_of(transaction_->members(), waits)) return;
  for_group([](Job& job) { job.move(Status::kPending); });
  for_group([](Job& job) {
    if (!job.options_.auto_finalize)
      job.publish("BLOCK_JOB_PENDING", {{"type", job.type_}, {"id", job.id()}});
    job.kick();
  });
}

bool Job::is_to_be_finalized() const {
  const auto is_manual = [](const Job* job) { return !job->options_.auto_finalize; };
  return std::ranges::any_of(transaction_->members(), is_manual);
}

void Job::finalize() {
  admit(Verb::kFinalize);
  for_group([](Job& job) {
    job.flags_.finalize = true;
    job.wake();
  });
}

// From here on nobody can be cancelled by a user.
void Job::enter_prepare() {
  for_group([](Job& job) { job.flags_.preparing = true; });
}

// Nobody begins before all are sure that no cancel will come.
bool Job::all_durably_preparing() const {
  return std::ranges::all_of(transaction_->members(), &Job::durably_preparing_);
}

// The daemon ends, and this one does not get on: nor does any other.
bool Job::group_has_given_up() const {
  return std::ranges::any_of(transaction_->members(), &Job::given_up_);
}

void Job::give_up_for_exit() {
  given_up_ = true;
  kick_group();
}

void Job::kick_group() {
  for_group([](Job& job) { job.kick(); });
}

// One record tells it of all.
void Job::be_prepared() {
  if (flags_.cancelled) return;
  ready_to_commit_ = true;
  kick_group();  // who was put off can no longer go back
  if (!std::ranges::all_of(transaction_->members(), &Job::ready_to_commit_)) return;
  for_group([](Job& job) {
    job.flags_.prepared = true;
    job.kick();
  });
}

void Job::be_put_off(std::string reason) {
  put_off_now_ = true;
  put_off_ = std::move(reason);
  publish("JOB_STALLED", {{"id", id()}, {"reason", put_off_}});
  const auto is_put_off = [](const Job* job) { return job->put_off_now_ && job->flags_.ready; };
  if (!exiting_ && std::ranges::all_of(transaction_->members(), is_put_off))
    for_group([](Job& job) { job.go_back(); });
}

// Nobody of its transaction has come so far that he cannot go back.
bool Job::can_go_back() const {
  return std::ranges::none_of(transaction_->members(), &Job::ready_to_commit_) && flags_.ready;
}

// As if it had never been asked to take effect.
void Job::go_back() {
  goes_back_ = true;
  put_off_now_ = false;
  durably_preparing_ = false;
  flags_.preparing = flags_.complete = flags_.soft_cancel = flags_.finalize = false;
  move(Status::kReady);
  host_.persist_soon();
  kick();
}

// This one fails or is cancelled.
void Job::break_group() {
  for_group([this](Job& job) {
    if (&job != this) job.go_with_the_group();
  });
}

void Job::go_with_the_group() {
  if (flags_.cancelled || flags_.prepared || outcome_ != Outcome::kOpen) return;
  flags_.cancelled = true;
  if (flags_.user_paused) take_back_pause();
  wake();
  launch_if_created();
}

}  // namespace dmjob::core

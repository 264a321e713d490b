// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/job.h"
#include "libjob/core/job_group.h"
#include "libjob/core/job_state.h"
#include "libjob/core/json_text.h"

namespace dmjob::core {
namespace {

// What depends on the request itself, as a cancel without force, is not considered.
bool takes(const JobState& job, Verb verb) {
  if (!may_apply(verb, job.status)) return false;
  switch (verb) {
    case Verb::kPause:
      return !job.flags.user_paused;
    case Verb::kResume:
      return job.flags.user_paused;
    case Verb::kCancel:
      return !job.flags.preparing;
    case Verb::kFinalize:
      return is_to_be_finalized(job) && !job.flags.finalize && !job.flags.preparing;
    case Verb::kComplete:
      return job.driver->can_complete() && !job.flags.cancelled && !job.flags.soft_cancel;
    default:
      return true;
  }
}

nlohmann::json names_of_verbs_taken(const JobState& job) {
  nlohmann::json names = nlohmann::json::array();
  for (int i = 0; i < kVerbs; ++i) {
    const auto verb = static_cast<Verb>(i);
    if (takes(job, verb)) names.push_back(to_string(verb));
  }
  return names;
}

}  // namespace

const JobOptions& Job::options() const { return state_->options; }
const std::string& Job::id() const { return state_->id(); }
const std::string& Job::transaction() const { return state_->transaction->id(); }
Status Job::status() const { return state_->status; }
IoStatus Job::io_status() const { return state_->io_status; }
const std::string& Job::error() const { return state_->error; }
const std::string& Job::put_off() const { return state_->put_off; }
bool Job::user_paused() const { return state_->flags.user_paused; }
bool Job::holds_claims() const { return stage_of(state_->status) != Stage::kOver; }
Signal& Job::changed() { return state_->changed; }
bool Job::idle() const { return state_->life.idle; }

nlohmann::json Job::query_job() const {
  const auto [offset, len] = state_->progress.get();
  nlohmann::json reply = {{"id", id()},
                          {"type", state_->type},
                          {"status", to_string(state_->status)},
                          {"current-progress", offset},
                          {"total-progress", len}};
  if (!state_->error.empty()) reply["error"] = state_->error;
  return reply;
}

nlohmann::json Job::query_block_job() const {
  const auto [offset, len] = state_->progress.get();
  const bool at_work = !state_->life.idle && stage_of(state_->status) == Stage::kWork;
  nlohmann::json reply = {{"id", id()},
                          {"type", state_->type},
                          {"device", id()},
                          {"len", len},
                          {"offset", offset},
                          {"busy", at_work && unpaused_form(state_->status) == state_->status},
                          {"paused", pause_requested()},
                          {"speed", state_->options.speed},
                          {"io-status", to_string(state_->io_status)},
                          {"ready", is_ready_status(state_->status)},
                          {"status", to_string(state_->status)},
                          {"auto-finalize", state_->options.auto_finalize},
                          {"auto-dismiss", state_->options.auto_dismiss}};
  reply["verbs"] = names_of_verbs_taken(*state_);
  if (!state_->error.empty()) reply["error"] = state_->error;
  if (!state_->put_off.empty()) reply["put-off"] = state_->put_off;
  if (!state_->transaction->id().empty()) reply["transaction"] = state_->transaction->id();
  if (state_->life.obstructed)
    if (const std::string why = state_->obstacle(); !why.empty()) reply["waiting-for"] = why;
  // The driver adds members and changes none.
  nlohmann::json all = state_->driver ? state_->driver->describe() : state_->last_words;
  all.update(reply);
  return all;
}

std::string Job::query_block_job_text() const {
  if (state_->status != Status::kConcluded) return to_text(query_block_job());
  if (state_->texts.concluded.empty()) state_->texts.concluded = to_text(query_block_job());
  return state_->texts.concluded;
}

}  // namespace dmjob::core

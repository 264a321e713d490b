// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/job.h"
#include "libjob/core/json_text.h"

namespace dmjob::core {

nlohmann::json Job::query_job() const {
  const auto [offset, len] = progress_.get();
  nlohmann::json reply = {{"id", id()},
                          {"type", type_},
                          {"status", to_string(status_)},
                          {"current-progress", offset},
                          {"total-progress", len}};
  if (!error_.empty()) reply["error"] = error_;
  return reply;
}

// What depends on the request itself, as a cancel without force, is not considered.
bool Job::takes(Verb verb) const {
  if (!may_apply(verb, status_)) return false;
  switch (verb) {
    case Verb::kPause:
      return !flags_.user_paused;
    case Verb::kResume:
      return flags_.user_paused;
    case Verb::kCancel:
      return !flags_.preparing;
    case Verb::kFinalize:
      return is_to_be_finalized() && !flags_.finalize && !flags_.preparing;
    case Verb::kComplete:
      return driver_->can_complete() && !flags_.cancelled && !flags_.soft_cancel;
    default:
      return true;
  }
}

nlohmann::json Job::query_block_job() const {
  const auto [offset, len] = progress_.get();
  const bool at_work = !idle_ && stage_of(status_) == Stage::kWork;
  nlohmann::json reply = {{"id", id()},
                          {"type", type_},
                          {"device", id()},
                          {"len", len},
                          {"offset", offset},
                          {"busy", at_work && unpaused_form(status_) == status_},
                          {"paused", pause_requested()},
                          {"speed", options_.speed},
                          {"io-status", to_string(io_status_)},
                          {"ready", is_ready_status(status_)},
                          {"status", to_string(status_)},
                          {"auto-finalize", options_.auto_finalize},
                          {"auto-dismiss", options_.auto_dismiss}};
  reply["verbs"] = nlohmann::json::array();
  for (int i = 0; i < kVerbs; ++i) {
    const auto verb = static_cast<Verb>(i);
    if (takes(verb)) reply["verbs"].push_back(to_string(verb));
  }
  if (!error_.empty()) reply["error"] = error_;
  if (!put_off_.empty()) reply["put-off"] = put_off_;
  if (!transaction_->id().empty()) reply["transaction"] = transaction_->id();
  if (obstructed_)
    if (const std::string why = obstacle(); !why.empty()) reply["waiting-for"] = why;
  // The driver adds members and changes none.
  nlohmann::json all = driver_ ? driver_->describe() : last_words_;
  all.update(reply);
  return all;
}

std::string Job::query_block_job_text() const {
  if (status_ != Status::kConcluded) return to_text(query_block_job());
  if (concluded_text_.empty()) concluded_text_ = to_text(query_block_job());
  return concluded_text_;
}

}  // namespace dmjob::core

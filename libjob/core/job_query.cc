// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/job.h"

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
  if (!error_.empty()) reply["error"] = error_;
  if (!transaction_->id().empty()) reply["transaction"] = transaction_->id();
  // The driver adds members and changes none.
  nlohmann::json all = driver_ ? driver_->describe() : last_words_;
  all.update(reply);
  return all;
}

}  // namespace dmjob::core

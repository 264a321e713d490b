// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/job_state.h"

namespace dmjob::cli {
namespace {

using nlohmann::json;

// QEMU's words for the error of a job that was cancelled.
constexpr std::string_view kCancelledError = "Operation canceled";

Outcome ended_with(std::string error, json job) {
  if (error.empty()) return {Ending::kDone, "", std::move(job)};
  if (error == kCancelledError) return {Ending::kCancelled, "", std::move(job)};
  return {Ending::kFailed, std::move(error), std::move(job)};
}

std::string why_stopped(const json& job, const std::string& operation) {
  const std::string io_status = text_of(job, "io-status");
  if (io_status.empty() || io_status == "ok") return "";
  if (io_status == "nospace") return text_of(job, "target") + " has no space left";
  if (operation == "write") return "a write to " + text_of(job, "target") + " failed";
  if (operation == "read" && reads_both_sides(job)) return "a read failed";
  if (operation == "read") return "a read of " + text_of(job, "volume") + " failed";
  return "an I/O error";
}

}  // namespace

bool compares(const json& job) { return text_of(job, "type") == "compare"; }

bool reads_both_sides(const json& job) {
  return compares(job) || text_of(job, "phase") == "verifying";
}

std::string text_of(const json& object, const char* member) {
  if (!object.is_object()) return "";
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t number_of(const json& object, const char* member) {
  if (!object.is_object()) return 0;
  const auto found = object.find(member);
  if (found == object.end() || !found->is_number()) return 0;
  const double number = found->get<double>();
  return found->is_number_unsigned() ? found->get<std::uint64_t>()
         : number > 0                ? static_cast<std::uint64_t>(number)
                                     : 0;
}

bool flag_of(const json& object, const char* member) {
  if (!object.is_object()) return false;
  const auto found = object.find(member);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

const json* find_job(const json& jobs, const std::string& id) {
  for (const json& job : jobs) {
    if (text_of(job, "id") == id || text_of(job, "device") == id) return &job;
  }
  return nullptr;
}

bool JobState::hear(const json& event) {
  const json data = event.value("data", json::object());
  if (text_of(data, "id") != id_ && text_of(data, "device") != id_) return false;
  const std::string name = text_of(event, "event");
  if (name == "BLOCK_JOB_COMPLETED") {
    heard_ = ended_with(text_of(data, "error"), data);
  } else if (name == "BLOCK_JOB_CANCELLED") {
    heard_ = Outcome{Ending::kCancelled, "", data};
  } else if (name == "BLOCK_JOB_READY") {
    was_ready_ = true;
  } else if (name == "BLOCK_JOB_ERROR") {
    failed_operation_ = text_of(data, "operation");
  } else if (name == "JOB_STATUS_CHANGE" && text_of(data, "status") == "created") {
    heard_.reset();  // what was heard was of an older job with this id
    was_ready_ = false;
  }
  return true;
}

std::optional<Outcome> JobState::outcome_of(const json& job) const {
  if (heard_ && heard_->ending == Ending::kCancelled) return Outcome{Ending::kCancelled, "", job};
  return ended_with(text_of(job, "error"), job);
}

void JobState::see(const json& jobs, const std::function<json()>& history) {
  if (const json* found = find_job(jobs, id_)) {
    job_ = *found;
    was_ready_ |= status() == "ready";
    if (status() == "concluded") ended_ = outcome_of(job_);
    return;
  }
  const json gone = history();
  if (const json* found = find_job(gone, id_)) {
    job_ = *found;
    ended_ = outcome_of(job_);
  } else if (heard_) {
    ended_ = heard_;
    if (!job_.is_null()) ended_->job = job_;
  } else if (!job_.is_null()) {
    ended_ =
        Outcome{Ending::kFailed, "the daemon does not know it any more, nor how it ended", job_};
  } else {
    unknown_ = true;
  }
}

std::optional<Outcome> JobState::reached(Goal goal) const {
  if (ended_) {
    Outcome outcome = *ended_;
    outcome.was_ready = was_ready_;
    return outcome;
  }
  if (goal == Goal::kReady && is_ready()) return Outcome{Ending::kReady, "", job_, true};
  return std::nullopt;
}

std::optional<Outcome> JobState::put_off() const {
  const std::string why = text_of(job_, "put-off");
  if (!is_ready() || why.empty()) return std::nullopt;
  return Outcome{Ending::kPutOff, why, job_, true};
}

std::optional<std::string> JobState::news() {
  const std::string now = status();
  if (now == told_) return std::nullopt;
  told_.clear();
  std::string text = "job '" + id_ + "' ";
  if (now == "paused" || now == "standby") {
    const std::string why = why_stopped(job_, failed_operation_);
    text += why.empty() ? "is paused; `dmjob resume " + id_ + "` lets it go on"
                        : "is paused: " + why + "; mend that, then `dmjob resume " + id_ + "`";
  } else if (now == "pending" && !flag_of(job_, "auto-finalize")) {
    text += "is pending; `dmjob finalize " + id_ + "` lets it take effect";
  } else {
    return std::nullopt;
  }
  told_ = now;
  return text;
}

}  // namespace dmjob::cli

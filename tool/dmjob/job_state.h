// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is known of one job that is waited for. The daemon's lists are the truth; events only say
// when to look again, and how a job ended that is in no list any more. No I/O. Thread: the only
// one.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace dmjob::cli {

enum class Goal { kReady, kEnd };
enum class Ending { kReady, kDone, kCancelled, kFailed, kPutOff };

struct Outcome {
  Ending ending = Ending::kDone;
  std::string error;   // kFailed, kPutOff: why
  nlohmann::json job;  // as `info --json` shows it
  bool was_ready = false;
};

// A member that may be missing or of another type.
std::string text_of(const nlohmann::json& object, const char* member);
std::uint64_t number_of(const nlohmann::json& object, const char* member);
bool flag_of(const nlohmann::json& object, const char* member);

// A comparison: it changes nothing.
bool compares(const nlohmann::json& job);
// What it reads just now may be either side.
bool reads_both_sides(const nlohmann::json& job);

// The job with that id in a list of query-block-jobs or query-job-history; nullptr: not there.
const nlohmann::json* find_job(const nlohmann::json& jobs, const std::string& id);

class JobState {
 public:
  explicit JobState(std::string id) : id_(std::move(id)) {}

  // Returns true if the event is about this job, so that a look is due.
  bool hear(const nlohmann::json& event);
  // `jobs` is the answer to query-block-jobs; history() asks for the gone ones, if need be.
  void see(const nlohmann::json& jobs, const std::function<nlohmann::json()>& history);

  const std::string& id() const { return id_; }
  const nlohmann::json& job() const { return job_; }  // null: never seen
  std::string status() const { return text_of(job_, "status"); }
  bool is_ready() const { return !ended_ && status() == "ready"; }
  bool was_ready() const { return was_ready_; }
  bool unknown() const { return unknown_; }  // the daemon knows of no such job
  std::optional<Outcome> reached(Goal goal) const;
  // It was to take effect and could not: it is ready as before.
  std::optional<Outcome> put_off() const;
  // Once each time that the job stops and waits for the user: what happened and what to do.
  std::optional<std::string> news();

 private:
  std::optional<Outcome> outcome_of(const nlohmann::json& job) const;

  std::string id_;
  nlohmann::json job_;
  std::optional<Outcome> ended_;
  std::optional<Outcome> heard_;  // how it ended, by the events
  std::string failed_operation_;  // "read" or "write", of the last I/O error
  std::string told_;              // the status that news() told of
  bool was_ready_ = false;
  bool unknown_ = false;
};

}  // namespace dmjob::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a job consists of. Job is the face of it that programs see; this stays within core, so that
// it may change without a program being built again.
//
//   job.cc, job_verbs.cc, job_query.cc   Job's functions: each reads or changes the state
//   job_record.cc                        the state as JSON, and back
//   job_run.cc                           the coroutine, which takes the state to its end
//   job_group.cc                         what the members of a transaction do with one another
//
// Job has more functions than a class should have. They are a verb, a query or a service to the
// driver each, and who uses a job wants them in one place.
//
// Thread: the reactor, everything; it is where the job was made.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libjob/core/job.h"
#include "threads/thread_check.h"

namespace dmjob::core {

// What was asked for and what was reached, as far as the status does not say. All in the record.
struct JobFlags {
  bool user_paused = false;
  bool cancelled = false;
  bool soft_cancel = false;
  bool complete = false;
  bool finalize = false;
  bool ready = false;
  bool preparing = false;  // on disk before prepare() is called
  bool prepared = false;   // on disk before commit() is called
  bool operator==(const JobFlags&) const = default;
};

enum class Outcome { kOpen, kSuccess, kFailure };

// How far a job has come that is to take effect; not in the record.
enum class EffectStep {
  kNone,
  kPreparing,  // its record says so durably
  kPutOff,     // its own prepare() has said NotNow, and not been called since
  kPrepared,   // its own prepare() has succeeded
  kGoesBack,   // to run()
};

// Where the coroutine stands.
struct JobLife {
  bool restored = false;
  bool obstructed = false;
  bool started = false;
  bool idle = true;
  bool exiting = false;
  bool given_up = false;      // its own prepare() did not come to an end before the daemon's
  bool kick_pending = false;  // there was a kick since it last waited
  Outcome outcome = Outcome::kOpen;
};

// Texts that are kept until something in them changes.
struct JobTexts {
  struct Record;
  std::shared_ptr<Record> record;
  std::string concluded;  // query_block_job() of a concluded job; "": not made yet
};

struct JobState {
  JobState(Job& job, JobHost& job_host, JobOptions job_options, std::unique_ptr<Driver> job_driver,
           Job::Group group);
  ~JobState() { leave_group(); }
  JobState(const JobState&) = delete;
  JobState& operator=(const JobState&) = delete;

  const std::string& id() const { return options.id; }
  bool must_return() const { return flags.cancelled || life.exiting; }
  bool is_open() const { return !must_return() && life.outcome == Outcome::kOpen; }
  bool pause_requested() const;
  // "" if the job can go on, else why not.
  std::string obstacle() const { return host.obstacle ? host.obstacle(self) : ""; }

  // The only way to another status, and the only way in for a verb.
  void move(Status to);
  void admit(Verb verb) const;
  // The status of a job at work follows a pause.
  void show_pause(bool paused);
  void publish(const char* name, nlohmann::json data);
  void publish_with_progress(const char* name);
  // Wakes the coroutine.
  void kick();
  // Tells a request to the driver, the coroutine, and, a little later, the disk.
  void wake();
  void take_back_pause();

  void join_group() { transaction->members_.push_back(this); }
  void leave_group() { std::erase(transaction->members_, this); }
  // Those that are not concluded, in the order in which they joined.
  const std::vector<JobState*>& members() const { return transaction->members_; }

  const threads::ThreadCheck reactor;
  Job& self;
  JobHost& host;
  JobOptions options;
  std::unique_ptr<Driver> driver;  // null once concluded
  const Job::Group transaction;
  std::string type;

  Status status = Status::kUndefined;
  JobFlags flags;
  int holds = 0;  // PauseHolds on it
  IoStatus io_status = IoStatus::kOk;
  std::string error;
  std::string put_off;
  Progress progress;
  nlohmann::json last_words = nlohmann::json::object();  // driver's describe() when concluded
  JobTexts texts;

  JobLife life;
  EffectStep step = EffectStep::kNone;
  Signal changed;
  Signal kicked;
};

}  // namespace dmjob::core

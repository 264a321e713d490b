// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Waiting for jobs: looks at them, listens to events, draws bars, tells what the user has to do,
// and survives a restart of the daemon, which keeps its jobs.
//
//   Client client(...); client.execute(what starts or ends the job); Follower(...).wait(...)
//
// The client has negotiated before the job is touched, so no event is missed. Thread: the only one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tool/dmjob/client.h"
#include "tool/dmjob/console.h"
#include "tool/dmjob/job_state.h"

namespace dmjob::cli {

class Follower {
 public:
  Follower(Console& console, Client& client, const std::vector<std::string>& ids);

  // A command to send whenever a job is ready, once a connection: a daemon that was restarted may
  // not know any more that it was told. `sent`: it was, on this connection.
  void at_ready(std::string command, nlohmann::json arguments, bool sent = false);

  // Called for each job after each look at it.
  void on_look(std::function<void(const JobState&)> observer) { observer_ = std::move(observer); }

  // Until all jobs are there; false at the deadline. Throws CliError for a job that nobody knows
  // of, and if the daemon does not come back.
  bool wait(Goal goal, Deadline deadline);

  const std::vector<JobState>& states() const { return states_; }
  // How a job that is there ended, or what it has come to; of one that was told to take effect also
  // that it could not.
  std::optional<Outcome> outcome_of(const JobState& state, Goal goal) const;

 private:
  void look();
  void listen(Deadline deadline);
  bool reconnect(Deadline deadline);
  bool hear(const nlohmann::json& event);
  void send_at_ready();
  void show();

  Console& console_;
  Client& client_;
  std::vector<JobState> states_;
  std::string command_;
  nlohmann::json arguments_;
  bool sent_ = true;
  bool sent_before_ = false;
  std::function<void(const JobState&)> observer_ = [](const JobState&) {};
};

}  // namespace dmjob::cli

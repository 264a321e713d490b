// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The functions in the table of verbs, one cmd_*.cc a group; and what several of them use.
// A command parses, calls, prints, and never decides. Thread: the only one.
#pragma once

#include <string>
#include <vector>

#include "tool/dmjob/call.h"
#include "tool/dmjob/job_state.h"

namespace dmjob::cli {

// cmd_volume.cc
int attach(const Call& call);
void add_detach_options(boost::program_options::options_description& options);
int detach(const Call& call);
int untrack(const Call& call);
int volumes(const Call& call);
// Which lines of fstab and the like lead elsewhere than to the volume now.
void warn_about_boot(const Call& call, Client& client);
// Before an instant is asked for: what is mounted above the volume and will not be frozen with it.
void warn_about_freezing(const Call& call, Client& client, const std::string& device);
int release(const Call& call);

// cmd_help.cc
int help(const Call& call);

// cmd_backup.cc
void add_backup_options(boost::program_options::options_description& options);
int backup(const Call& call);

// cmd_compare.cc
void add_compare_options(boost::program_options::options_description& options);
int compare(const Call& call);

// cmd_overlay.cc
void add_overlay_options(boost::program_options::options_description& options);
int overlay(const Call& call);
void add_snapshot_options(boost::program_options::options_description& options);
int snapshot(const Call& call);
int rollback(const Call& call);

// cmd_copy.cc
void add_copy_options(boost::program_options::options_description& options);
int copy(const Call& call);

// cmd_stream.cc
void add_stream_options(boost::program_options::options_description& options);
int stream(const Call& call);
void add_commit_options(boost::program_options::options_description& options);
int commit(const Call& call);

// cmd_query.cc
void add_list_options(boost::program_options::options_description& options);
int list(const Call& call);
int info(const Call& call);
void add_events_options(boost::program_options::options_description& options);
int events(const Call& call);

// cmd_wait.cc
int watch(const Call& call);
void add_wait_options(boost::program_options::options_description& options);
int wait(const Call& call);

// cmd_control.cc
int pause(const Call& call);
int resume(const Call& call);
int speed(const Call& call);
void add_complete_options(boost::program_options::options_description& options);
int complete(const Call& call);
void add_cancel_options(boost::program_options::options_description& options);
int cancel(const Call& call);
int finalize(const Call& call);
int dismiss(const Call& call);

// wait_for_job.cc
struct WaitPlan {
  Goal goal = Goal::kReady;
  Deadline deadline = Deadline::max();
  // A command to send when the job is ready ("": none), and whether it was sent already.
  std::string at_ready;
  nlohmann::json arguments;
  bool sent = false;
  std::string goes_on;  // what to say if the wait ends early; "": the job goes on
};
// Throws CliError: the time is over, Ctrl-C, no such job.
Outcome wait_for_job(const Call& call, Client& client, const std::string& id, const WaitPlan& plan);
std::vector<Outcome> wait_for_jobs(const Call& call, Client& client,
                                   const std::vector<std::string>& ids, const WaitPlan& plan);
// Prints how it ended. Throws CliError for a job that failed or was cancelled.
void report_outcome(const Call& call, const Outcome& outcome);
// The same for several: JSON is one array, and of those that failed the first is thrown.
void report_outcomes(const Call& call, std::vector<Outcome> outcomes);
void add_timeout_option(boost::program_options::options_description& options);

}  // namespace dmjob::cli

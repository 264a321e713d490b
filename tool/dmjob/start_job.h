// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the verbs that start a job have in common: options, the arguments of the daemon's commands,
// and which job it became. A verb has those of the options that have a meaning for it: only a job
// with a ready phase has --pivot and --finish.
// Thread: the only one. Errors: CliError (usage).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tool/dmjob/commands.h"

namespace dmjob::cli {

void add_job_options(boost::program_options::options_description& options);
void add_policy_options(boost::program_options::options_description& options);
// --wait, with `what` as its help, and --timeout.
void add_wait_option(boost::program_options::options_description& options, const char* what);

// What was given, as arguments.
void take_job_options(const Call& call, nlohmann::json& arguments);
void take_policies(const Call& call, nlohmann::json& arguments);
std::string policy_of(const Call& call, const char* option);
void check_waits(const Call& call);

// Returns the job's id.
std::string start_job(const Call& call, Client& client, const char* command,
                      const nlohmann::json& arguments);
// What the daemon called the job if it does not say so, as QEMU does not: the newest on that
// target, which may have ended already.
std::string id_of_started(Client& client, const nlohmann::json& arguments);
// Prints the id and waits as the options say; nullopt if they do not.
std::optional<Outcome> follow_started(const Call& call, Client& client, const std::string& id,
                                      Deadline deadline);

}  // namespace dmjob::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the verbs copy and backup, and in part compare, have in common. Thread: the only one.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tool/dmjob/call.h"

namespace dmjob::cli {

void add_transfer_options(boost::program_options::options_description& options);

// As the user gave them. Throws CliError (usage).
nlohmann::json transfer_arguments(const Call& call, const std::string& source,
                                  const std::string& target);

// What has a slash is a path, all else a volume's name.
std::string path_or_volume(const std::string& source);

// As start_job(), with a hint in its error if a file has the name of the source.
std::string start_transfer(const Call& call, Client& client, const char* command,
                           const nlohmann::json& arguments);

// The error of a command that started a job, with a hint if a file has the name of the source.
CommandError hint_at_file(const CommandError& error, const std::string& source);

}  // namespace dmjob::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// From the words of the command line to a verb's call. Thread: the only one.
#pragma once

#include <boost/program_options/variables_map.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tool/dmjob/call.h"

namespace dmjob::cli {

struct CommandLine {
  const Verb* verb = nullptr;  // nullptr: --help or --version alone
  boost::program_options::variables_map values;

  bool flag(const char* name) const { return values[name].as<bool>(); }
};

// Throws CliError (usage).
CommandLine parse_command_line(const std::vector<std::string>& words);

// What --help prints: all, or one verb.
std::string help_text(const Verb* verb);

}  // namespace dmjob::cli

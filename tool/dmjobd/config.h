// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the daemon is told: by its command line, and by its configuration file where that is silent.
// Thread: main, at the start.
#pragma once

#include <optional>
#include <string>

namespace dmjob::daemon {

struct Config {
  std::string socket = "/run/dmjob/qmp.sock";
  std::string state_folder = "/var/lib/dmjob";
  std::string scratch_folder;  // empty: none
  std::string rules_folder = "/etc/udev/rules.d";
  std::string run_folder = "/run/dmjob";     // the guardian's lock
  std::string memory_folder = "/run/dmjob";  // scratch of last resort; on a tmpfs
};

// nullopt: --help or --version was asked for and printed. Throws core::Error for bad options, an
// unreadable file, or a folder that does not exist.
std::optional<Config> read_config(int argc, const char* const argv[]);

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How the program ends: others script against these numbers. Thread: any (values).
#pragma once

#include <stdexcept>
#include <string>

namespace dmjob::cli {

enum ExitStatus {
  kExitDone = 0,
  kExitFailed = 1,    // the operation or the job failed
  kExitUsage = 2,     // the command line makes no sense
  kExitNoDaemon = 3,  // no daemon answers at the socket
  kExitTimedOut = 4,  // a wait ended before what it waited for
};

// One line that names the thing, says why and what to do; run() prints it and returns the status.
class CliError : public std::runtime_error {
 public:
  CliError(ExitStatus status, const std::string& text)
      : std::runtime_error(text), status_(status) {}
  ExitStatus status() const { return status_; }

 private:
  ExitStatus status_;
};

}  // namespace dmjob::cli

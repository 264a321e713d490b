// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/log.h"

#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstdlib>

namespace dmjob::daemon {
namespace {

void write_line(const char* priority, const std::string& text) {
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  const std::string line = (journal ? priority : "dmjobd: ") + text + "\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void log_error(const std::string& text) { write_line(SD_ERR, text); }
void log_warning(const std::string& text) { write_line(SD_WARNING, text); }
void log_info(const std::string& text) { write_line(SD_INFO, text); }

}  // namespace dmjob::daemon

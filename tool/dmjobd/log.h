// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon's log: lines on stderr, with the journal's priority in front where stderr is the
// journal. Not to be used with a device suspended. Thread: any.
#pragma once

#include <string>

namespace dmjob::daemon {

void log_error(const std::string& text);
void log_warning(const std::string& text);
void log_info(const std::string& text);

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The whole program but its main(). Thread: the only one.
#pragma once

#include <ostream>
#include <string>
#include <vector>

namespace dmjob::cli {

// Returns the exit status; no exception leaves it. `terminal`: err is one.
int run(const std::vector<std::string>& words, std::ostream& out, std::ostream& err, bool terminal);

}  // namespace dmjob::cli

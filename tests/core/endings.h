// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What may happen to a job from its making to its end: stories, each told by a daemon of its own.
// Thread: the test's.
#pragma once

#include <string>
#include <vector>

namespace dmjob::test {

// As man/dmjob-status.7 names them.
std::vector<std::string> endings();

// The events from start to end, as the page prints them. Throws std::out_of_range for an ending
// that is none of these.
std::string tell(const std::string& ending);

}  // namespace dmjob::test

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How far a job is, as one line. Thread: any (pure functions).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace dmjob::cli {

// Tenths of a percent. A running job never shows all: only a status says that it got there.
unsigned permille(const nlohmann::json& job);
// "45.2%", "100%".
std::string format_percent(const nlohmann::json& job);
// "vol1  45.2% [=====>      ] pass 3, 98.3M/s, 3 min left", less than `width` characters.
std::string progress_line(const nlohmann::json& job, int width);

}  // namespace dmjob::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What people are told of blocks that could not be read and were ignored. Thread: any (pure
// functions).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace dmjob::cli {

// The bytes that differ, and the first places; "" if none were found.
std::string differences_text(const nlohmann::json& job);
// How much, in how many places, and the first of them; "" if there are none.
std::string unreadable_text(const nlohmann::json& job);
// Where the error map is, and what is wrong with it; "" if none was asked for.
std::string error_map_text(const nlohmann::json& job);

}  // namespace dmjob::cli

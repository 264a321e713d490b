// SPDX-License-Identifier: LGPL-2.1-or-later
//
// JSON as QMP wants it: one value, nothing behind it, no key twice in an object.
// Thread: any (pure function).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>

namespace dmjob::daemon {

// What is wrong with a text, in one line for the client.
struct JsonFault {
  std::string text;
};

// Does not throw for bad text. The caller limits its size and its nesting.
std::variant<nlohmann::json, JsonFault> parse_strict_json(std::string_view text);

}  // namespace dmjob::daemon

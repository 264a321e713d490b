// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What `info` tells the one who is called at night: what goes on, since when, and what to do.
// Thread: any (pure functions).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace dmjob::cli {

// What there is to know beside the job itself.
struct JobContext {
  bool gone = false;            // it stands in the history only
  std::optional<bool> managed;  // is its volume; not set: not a volume, or not known
  bool held = false;            // writes to its volume wait for room
  std::string scratch_fault;    // of its volume's overlay: what is wrong and what to do
  nlohmann::json events;        // those still kept, oldest first
  std::int64_t now = 0;         // seconds since the epoch
};

// Lines of "key  value".
std::string job_info(const nlohmann::json& job, const JobContext& context);

// What the user can do now, as commands.
std::string advice(const nlohmann::json& job, const JobContext& context);

}  // namespace dmjob::cli

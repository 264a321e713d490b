// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What people read: tables. Thread: any (pure functions).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dmjob::cli {

// Control characters become '?': what a daemon or a file's name says never moves a cursor.
std::string one_line(std::string text);

// Columns as wide as needed, two blanks apart.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

// "pass 3" while running, else the status.
std::string phase_or_status(const nlohmann::json& job);
// How a job that is over ended: "done", "cancelled", "failed".
std::string format_ending(const nlohmann::json& job);

// Lists of query-block-jobs and query-job-history.
std::string jobs_table(const nlohmann::json& jobs, const nlohmann::json& gone);
// The list of query-volumes.
std::string volumes_table(const nlohmann::json& volumes);
// Of the list of query-hidden-disks, after a blank line: those that somebody is to do something
// about. "" if there are none.
std::string hidden_table(const nlohmann::json& disks);

}  // namespace dmjob::cli

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/registry.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "libjob/core/json_text.h"

namespace dmjob::core {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kFurther = "0123456789-._";
constexpr std::size_t kLongestId = 100;

bool is_in(std::string_view set, char character) { return set.find(character) != set.npos; }

}  // namespace

std::string check_job_id(const std::string& id) {
  const auto allowed = [](char c) { return is_in(kLetters, c) || is_in(kFurther, c); };
  const bool good = !id.empty() && is_in(kLetters, id.front()) && std::ranges::all_of(id, allowed);
  if (!good) return "is not a letter followed by letters, digits, '-', '.' or '_'";
  if (id.size() > kLongestId) {
    return "is longer than " + std::to_string(kLongestId) + " characters";
  }
  return "";
}

std::string job_id_for(const std::string& name) {
  std::string id = name;
  std::ranges::replace_if(
      id, [](char c) { return !is_in(kLetters, c) && !is_in(kFurther, c); }, '-');
  if (id.empty() || !is_in(kLetters, id.front())) id = "job-" + id;
  return id.substr(0, kLongestId);
}

void Registry::check_free(const std::string& id, const std::vector<std::string>& claims) const {
  if (find(id)) throw Error("Job ID '" + id + "' already in use");
  for (const std::string& claim : claims) {
    if (const auto job = holder(claim)) {
      throw Error("'" + claim + "' is in use by job '" + job->id() + "'");
    }
  }
}

void Registry::add(std::shared_ptr<Job> job) { jobs_.insert(jobs_.begin(), std::move(job)); }

void Registry::remove(const Job& job) {
  const auto found =
      std::ranges::find_if(jobs_, [&](const auto& candidate) { return candidate.get() == &job; });
  if (found == jobs_.end()) return;
  history_.push_front(to_text(job.query_block_job()));
  if (history_.size() > kHistory) history_.pop_back();
  jobs_.erase(found);  // last, because it may be the job's end
}

std::string Registry::history() const {
  ListText all;
  for (const std::string& outcome : history_) all.add(outcome);
  return all.text();
}

void Registry::restore_history(const nlohmann::json& history) {
  for (const nlohmann::json& outcome : history) history_.push_back(to_text(outcome));
}

std::shared_ptr<Job> Registry::find(const std::string& id) const {
  const auto found = std::ranges::find_if(jobs_, [&](const auto& job) { return job->id() == id; });
  return found == jobs_.end() ? nullptr : *found;
}

std::shared_ptr<Job> Registry::get(const std::string& id, ErrorClass if_unknown) const {
  if (auto job = find(id)) return job;
  if (if_unknown == ErrorClass::kDeviceNotActive) {
    throw Error("Block job '" + id + "' not found", if_unknown);
  }
  throw Error("Job not found", if_unknown);
}

std::shared_ptr<Job> Registry::holder(const std::string& claim) const {
  const auto holds = [&](const auto& job) {
    return job->holds_claims() && std::ranges::count(job->options().claims, claim) > 0;
  };
  const auto found = std::ranges::find_if(jobs_, holds);
  return found == jobs_.end() ? nullptr : *found;
}

}  // namespace dmjob::core

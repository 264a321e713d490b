// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// All jobs, newest first, and the outcome of the last ones that are gone.
/// Thread: the reactor.
#pragma once

#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "libjob/core/export.h"
#include "libjob/core/job.h"

namespace dmjob::core {

/// Owns the jobs.
class DMJOB_EXPORT Registry {
 public:
  /// Jobs that are gone and still known.
  static constexpr std::size_t kHistory = 100;

  /// Throws Error if the id is taken ("already in use") or one of the claims is held: "… is in use
  /// by job 'ID'". A concluded job still has its id, and holds nothing else.
  void check_free(const std::string& id, const std::vector<std::string>& claims) const;
  /// The newest now; jobs that are taken up again are added oldest first.
  void add(std::shared_ptr<Job> job);
  /// Keeps the outcome in the history. No effect for a job that is not in here.
  void remove(const Job& job);

  /// nullptr: unknown.
  std::shared_ptr<Job> find(const std::string& id) const;
  /// As find(); throws Error "Job not found" (kGeneric) or kDeviceNotActive.
  std::shared_ptr<Job> get(const std::string& id, ErrorClass if_unknown) const;
  /// Newest first.
  const std::vector<std::shared_ptr<Job>>& jobs() const { return jobs_; }
  /// The newest job that holds the claim; nullptr: none.
  std::shared_ptr<Job> holder(const std::string& claim) const;

  /// Final query_block_job() of jobs that are gone, newest first: a JSON array.
  std::string history() const;
  /// From history(). Throws nlohmann::json::exception for a damaged one.
  void restore_history(const nlohmann::json& history);

 private:
  std::vector<std::shared_ptr<Job>> jobs_;
  std::deque<std::string> history_;
};

/// A job's id: a letter, then letters, digits, `-._`; ASCII; up to 100, since it becomes part of
/// device names. Returns "" or what is wrong, to be put behind the id: "is longer than ...".
DMJOB_EXPORT std::string check_job_id(const std::string& id);
/// An id that is right, as like a name as can be: "0 data.img" -> "job-0-data.img".
DMJOB_EXPORT std::string job_id_for(const std::string& name);

}  // namespace dmjob::core

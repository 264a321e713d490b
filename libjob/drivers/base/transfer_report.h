// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the queries show of a job that copies: its phase, how far it is, and what was in its way.
// Thread: the reactor.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libjob/core/job.h"
#include "libjob/drivers/base/job_context.h"
#include "libjob/drivers/base/rate_meter.h"
#include "libjob/drivers/transfer/bulk_copy.h"
#include "libjob/io/differences.h"

namespace dmjob::drivers {

class TransferReport {
 public:
  // context: outlives this.
  explicit TransferReport(const JobContext& context);

  void set_phase(std::string phase) { phase_ = std::move(phase); }
  // Bytes that are left to copy, and to verify.
  void show_left(core::Job& job, std::uint64_t bytes);
  void show_to_verify(core::Job& job, std::uint64_t bytes);
  std::uint64_t to_verify() const { return to_verify_; }  // as far as known
  // The record of a daemon that was killed may be older than its last checkpoint.
  void show_copied(core::Job& job, std::uint64_t bytes_left);
  // The worker must be idle.
  void show_unreadable(const BulkCopy& bulk) { unreadable_ = bulk.bad_blocks().extents(); }
  void show_differences(const io::Differences& differences) { differences_ = differences; }
  // Why all was copied once more; "" if it was not.
  void show_copied_anew(std::string why) { copied_anew_ = std::move(why); }
  const std::string& copied_anew() const { return copied_anew_; }
  // A disk or file that is waited for; "": none.
  void show_late_disk(std::string disk) { late_disk_ = std::move(disk); }
  // What could not be taken away; "": nothing.
  void show_left_behind(std::string what) { left_behind_ = std::move(what); }
  const std::string& left_behind() const { return left_behind_; }

  nlohmann::json describe() const;

 private:
  void show_progress(core::Job& job);
  void describe_findings(nlohmann::json& about) const;

  const JobContext& context_;
  std::string phase_;
  std::string late_disk_;
  std::string copied_anew_;
  std::string left_behind_;
  std::uint64_t left_ = 0;  // bytes, as far as known
  std::uint64_t to_verify_;
  io::Differences differences_;  // that the job failed for
  RateMeter rate_;
  std::vector<io::CopyError> unreadable_;
};

}  // namespace dmjob::drivers

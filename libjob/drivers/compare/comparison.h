// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two open disks or files that are compared: what is left to do, and what was found.
// Thread: the job's worker.
#pragma once

#include <memory>
#include <vector>

#include "libjob/drivers/transfer/bulk_copy.h"

namespace dmjob::drivers {

class Comparison {
 public:
  // All that is a reference outlives this.
  Comparison(std::unique_ptr<io::BlockDevice> source, std::unique_ptr<io::BlockDevice> target,
             io::CopyControl& control, const core::Clock& clock, const CopyPlan& plan);

  // For `time` at most. Its differences are all that were found so far.
  BulkCopy::VerifyResult slice(core::Progress& progress, core::Duration time);
  // What a policy leaves out, of either side.
  const std::vector<io::CompareError>& unreadable() const { return unreadable_; }

 private:
  bool leave_out(const io::CompareError& error) const;

  const std::unique_ptr<io::BlockDevice> source_;
  const std::unique_ptr<io::BlockDevice> target_;
  const core::Clock& clock_;
  const core::OnError on_source_error_;
  const core::OnError on_target_error_;
  io::DirtyBitmap left_;
  io::Differences differences_;
  std::vector<io::CompareError> unreadable_;
  io::CompareEngine engine_;
};

}  // namespace dmjob::drivers

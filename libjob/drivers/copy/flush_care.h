// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Before a volume may live on a target with a write cache, it and all that stands on it must pass
// flushes (dm/topology/write_cache.h). They follow while the mirror already has the target, and the
// source still has everything that was acknowledged.
//
// Thread: the reactor; what blocks runs on the job's worker.
#pragma once

#include <string>

#include "libjob/core/clock.h"
#include "libjob/drivers/base/job_context.h"
#include "libjob/drivers/copy/live_copy.h"

namespace dmjob::drivers {

class FlushCare {
 public:
  // All outlive this.
  FlushCare(JobContext& context, LiveCopy& copy) : context_(context), copy_(copy) {}

  // In ready, every so often: who was in the way may have gone, or the cache of a disk have been
  // switched on.
  boost::asio::awaitable<void> poll();
  boost::asio::awaitable<void> let_flushes_through();
  // What LiveCopy::let_flushes_through() returned.
  void note(std::string who_swallows) { swallows_ = std::move(who_swallows); }

  // Who would keep flushes from the target; "": nobody.
  const std::string& swallows() const { return swallows_; }
  // Precondition: somebody would.
  std::string refusal_to_pivot() const;

 private:
  JobContext& context_;
  LiveCopy& copy_;
  std::string swallows_;
  core::TimePoint next_poll_;
};

}  // namespace dmjob::drivers

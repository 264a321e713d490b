// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The verification of a live copy, once both sides are mirrored and before READY is told: base and
// target are read and compared while writes go on. Where they differ a write may be on its way, so
// such places are compared again, and then once more with the volume held for a moment; only what
// differs then, does. What becomes dirty meanwhile (a pause, a target that failed) is verified anew
// after the next hand-over.
//
// Thread: the reactor; what blocks runs on the job's worker.
#pragma once

#include <vector>

#include "libjob/drivers/base/transfer.h"
#include "libjob/drivers/copy/live_copy.h"
#include "libjob/drivers/copy/mirror_watch.h"

namespace dmjob::drivers {

class LiveVerifier {
 public:
  // All outlive this.
  LiveVerifier(JobContext& context, TransferReport& report, Transfer& transfer, LiveCopy& copy,
               MirrorWatch& watch)
      : context_(context), report_(report), transfer_(transfer), copy_(copy), watch_(watch) {}

  // The user wants it, and it has not come to its end.
  bool is_wanted(const core::Job& job) const;
  // Verifies a slice. Throws Error if the target differs.
  boost::asio::awaitable<void> run_slice(core::Job& job);

 private:
  bool may_go_on(const core::Job& job) const;
  boost::asio::awaitable<void> compare_again(core::Job& job, std::vector<io::Extent>& suspects);
  boost::asio::awaitable<void> compare_held(core::Job& job, std::vector<io::Extent>& suspects);
  boost::asio::awaitable<void> follow_release(core::Job& job);

  JobContext& context_;
  TransferReport& report_;
  Transfer& transfer_;
  LiveCopy& copy_;
  MirrorWatch& watch_;
};

}  // namespace dmjob::drivers

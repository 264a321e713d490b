// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The verification of a live copy, once both sides are mirrored and before READY is told: base and
// target are read and compared while writes go on. Where they differ a write may be on its way, so
// such places are looked at again, and then once more with the volume held for a moment; only what
// differs then, does. What becomes dirty meanwhile (a pause, a target that failed) is verified anew
// after the next hand-over.
#include <utility>

#include "libjob/drivers/copy/live_driver.h"

namespace dmjob::drivers {
namespace {

// At a time; the others are met again.
constexpr std::size_t kMostSuspects = 64;

}  // namespace

bool LiveDriver::is_to_be_verified(const core::Job& job) const {
  return !job.is_ready() && report_.to_verify() > 0;
}

bool LiveDriver::may_verify(const core::Job& job) const {
  return mirroring_ && in_sync_ && !job.pause_requested() && !job.must_return();
}

boost::asio::awaitable<void> LiveDriver::verify(core::Job& job) {
  report_.set_phase("verifying");
  BulkCopy::Look look = co_await transfer_.verify_slice(job, copy_->bulk());
  std::vector<io::Extent>& suspects = look.suspects;
  if (suspects.size() > kMostSuspects) suspects.resize(kMostSuspects);
  co_await look_again(job, suspects);
  // Each time a few MiB of them are settled.
  while (!suspects.empty() && may_verify(job)) co_await look_held(job, suspects);
}

boost::asio::awaitable<void> LiveDriver::look_again(core::Job& job,
                                                    std::vector<io::Extent>& suspects) {
  constexpr int kLooks = 3;
  constexpr core::Duration kBetween = std::chrono::milliseconds(50);
  for (int i = 0; i < kLooks && !suspects.empty() && may_verify(job); ++i) {
    co_await job.wait_kick(kBetween);
    auto again = [&] {
      io::Differences on_their_way;
      copy_->bulk().recheck(suspects, context_.plan.size, on_their_way);
    };
    co_await context_.worker.run(std::move(again));
  }
}

// If the target fails while the volume comes to rest, the watch lets the held writes go, through
// the tracker.
boost::asio::awaitable<void> LiveDriver::look_held(core::Job& job,
                                                   std::vector<io::Extent>& suspects) {
  io::Differences found;
  bool known = false;
  holding_ = true;
  try {
    auto look = [&] { return copy_->recheck_held(suspects, found); };
    known = co_await context_.step("verification", std::move(look));
  } catch (const std::exception&) {  // the sides are not equal any more; converge() sees to that
  }
  holding_ = false;
  if (found.bytes() > 0) transfer_.fail_verification(found);
  if (!std::exchange(released_, false) && known) co_return;
  auto nothing = [] {};  // but what the watch has begun comes to an end
  co_await looker_.run(std::move(nothing));
  suspects.clear();  // they still count as not verified
  auto read_back = [this] {
    copy_->read_mode_back();
    return copy_->mirroring();
  };
  const bool mirroring = co_await context_.worker.run(std::move(read_back));
  set_mirroring(mirroring);
  co_await job.wait_kick(kSlice);
}

}  // namespace dmjob::drivers

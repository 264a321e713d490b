// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy/live_verifier.h"

#include <utility>

namespace dmjob::drivers {
namespace {

// At a time; the others are met again.
constexpr std::size_t kMostSuspects = 64;

}  // namespace

bool LiveVerifier::is_wanted(const core::Job& job) const {
  return !job.is_ready() && report_.to_verify() > 0;
}

bool LiveVerifier::may_go_on(const core::Job& job) const {
  return watch_.mirroring() && watch_.in_sync() && !job.pause_requested() && !job.must_return();
}

boost::asio::awaitable<void> LiveVerifier::run_slice(core::Job& job) {
  report_.set_phase("verifying");
  BulkCopy::VerifyResult verified = co_await transfer_.verify_slice(job, copy_.bulk());
  std::vector<io::Extent>& suspects = verified.suspects;
  if (suspects.size() > kMostSuspects) suspects.resize(kMostSuspects);
  co_await compare_again(job, suspects);
  // Each time a few MiB of them are settled.
  while (!suspects.empty() && may_go_on(job)) co_await compare_held(job, suspects);
}

boost::asio::awaitable<void> LiveVerifier::compare_again(core::Job& job,
                                                         std::vector<io::Extent>& suspects) {
  constexpr int kTries = 3;
  constexpr core::Duration kBetween = std::chrono::milliseconds(50);
  for (int i = 0; i < kTries && !suspects.empty() && may_go_on(job); ++i) {
    co_await job.wait_kick(kBetween);
    auto again = [&] {
      io::Differences on_their_way;
      copy_.bulk().recheck(suspects, context_.plan.size, on_their_way);
    };
    co_await context_.worker.run(std::move(again));
  }
}

boost::asio::awaitable<void> LiveVerifier::compare_held(core::Job& job,
                                                        std::vector<io::Extent>& suspects) {
  io::Differences found;
  bool known = false;
  watch_.set_on_failure(MirrorWatch::OnFailure::kRelease);
  try {
    auto compare = [&] { return copy_.recheck_held(suspects, found); };
    known = co_await context_.step("verification", std::move(compare));
  } catch (const std::exception&) {  // the sides are not equal any more; the job sees to that
  }
  watch_.set_on_failure(MirrorWatch::OnFailure::kLeave);
  if (found.bytes() > 0) transfer_.fail_verification(found);
  if (!watch_.has_released() && known) co_return;
  suspects.clear();  // they still count as not verified
  co_await follow_release(job);
}

// If the target fails while the volume comes to rest, the watch lets the held writes go, through
// the tracker.
boost::asio::awaitable<void> LiveVerifier::follow_release(core::Job& job) {
  co_await watch_.be_idle();
  auto read_back = [this] {
    copy_.read_mode_back();
    return copy_.mirroring();
  };
  const bool mirroring = co_await context_.worker.run(std::move(read_back));
  watch_.set_mirroring(mirroring);
  co_await job.wait_kick(Transfer::kSlice);
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/base/transfer.h"

#include <algorithm>

#include "libjob/core/error.h"

namespace dmjob::drivers {
namespace {

std::string place_of(std::uint64_t offset, std::uint64_t length) {
  return " at byte " + std::to_string(offset) + " (" + std::to_string(length) + " bytes)";
}

// Of the source.
bool has_read_error(const BulkCopy::VerifyResult& verified) {
  return (verified.error && verified.error->at_source) ||
         std::ranges::any_of(verified.unreadable, &io::CompareError::at_source);
}

}  // namespace

bool Transfer::is_to_stop(const core::Job& job) const {
  return halted_ || job.pause_requested() || job.must_return();
}

void Transfer::halt() {
  halted_ = true;
  context_.control.stop();
}

// --- copying ---

boost::asio::awaitable<io::CopyEnd> Transfer::copy_slice(core::Job& job, BulkCopy& bulk) {
  if (is_to_stop(job)) co_return io::CopyEnd::kStopped;
  context_.control.go_on();
  auto run = [&] {
    hooks_.require_target();
    return bulk.run_slice(job.progress(), kSlice, [this] { hooks_.confirm_source(); });
  };
  BulkCopy::Slice slice = co_await context_.worker.run(std::move(run));
  report_.show_left(job, slice.dirty);
  report_.show_unreadable(bulk);
  for (const io::CopyError& error : slice.ignored) handle_error(job, error);
  const bool target_failed =
      std::ranges::any_of(slice.ignored, [](const auto& error) { return !error.is_read; });
  if (slice.error)
    co_await handle_error_and_wait(job, *slice.error);
  else if (target_failed)
    co_await job.wait_kick(kSlice);
  co_return slice.end;
}

boost::asio::awaitable<void> Transfer::copy_all(core::Job& job, BulkCopy& bulk) {
  report_.set_phase("copying");
  bool more = true;
  while (more) {
    co_await copy_what_is_dirty(job, bulk);
    if (job.must_return()) co_return;
    more = co_await try_bad_blocks_again(bulk);
    if (more) report_.set_phase("trying once more what could not be read");
  }
}

boost::asio::awaitable<void> Transfer::copy_what_is_dirty(core::Job& job, BulkCopy& bulk) {
  io::CopyEnd end = io::CopyEnd::kTime;
  while (end != io::CopyEnd::kClean || bulk.dirty().count() > 0) {
    end = co_await copy_slice(job, bulk);
    if (end != io::CopyEnd::kClean && end != io::CopyEnd::kStopped) continue;
    auto store = [&] { return bulk.checkpoint(); };
    const auto error = co_await context_.worker.run(std::move(store));
    // One that has stopped the job has been told of.
    const bool told = job.io_status() != core::IoStatus::kOk;
    if (error && !told) co_await handle_error_and_wait(job, *error);
    if (job.must_return()) co_return;
    co_await hooks_.rest(job);
    if (job.must_return()) co_return;
  }
}

boost::asio::awaitable<bool> Transfer::try_bad_blocks_again(BulkCopy& bulk) {
  auto again = [&bulk] { return bulk.try_bad_blocks_again(); };
  return context_.worker.run(std::move(again));
}

// --- verifying ---

boost::asio::awaitable<BulkCopy::VerifyResult> Transfer::verify_slice(core::Job& job,
                                                                      BulkCopy& bulk) {
  Compare compare = [&] { return bulk.verify_slice(job.progress(), kSlice); };
  return compare_slice(job, std::move(compare));
}

boost::asio::awaitable<BulkCopy::VerifyResult> Transfer::compare_slice(core::Job& job,
                                                                       Compare compare) {
  BulkCopy::VerifyResult nothing;
  nothing.end = io::CopyEnd::kStopped;
  if (is_to_stop(job)) co_return nothing;
  context_.control.go_on();
  auto run = [&] {
    BulkCopy::VerifyResult done = compare();
    if (has_read_error(done)) hooks_.confirm_source();
    if (done.differences.bytes() > 0) hooks_.confirm_difference();
    return done;
  };
  BulkCopy::VerifyResult verified = co_await context_.worker.run(std::move(run));
  report_.show_to_verify(job, verified.left);
  hooks_.note_result(verified);
  for (const io::CompareError& error : verified.unreadable) handle_error(job, error);
  if (verified.error) handle_error(job, *verified.error);
  if (verified.error && !job.pause_requested()) co_await job.wait_kick(kSlice);
  co_return verified;
}

// Another disk in the target's place is to be copied to once more. The source is confirmed after
// its last byte was read: until then it may have told what it is not to tell, without an error.
boost::asio::awaitable<void> Transfer::copy_and_verify(core::Job& job, BulkCopy& bulk) {
  do {
    co_await copy_all(job, bulk);
    if (context_.plan.verify && !job.must_return()) co_await verify_all(job, bulk);
  } while (bulk.dirty().count() > 0 && !job.must_return());
  if (job.must_return()) co_return;
  auto confirm = [this] { hooks_.confirm_source(); };
  co_await context_.worker.run(std::move(confirm));
}

boost::asio::awaitable<void> Transfer::verify_all(core::Job& job, BulkCopy& bulk) {
  report_.show_to_verify(job, bulk.unverified_bytes());
  while (report_.to_verify() > 0 && bulk.dirty().count() == 0) {
    report_.set_phase(context_.plan.only_compare ? "comparing" : "verifying");
    const BulkCopy::VerifyResult verified = co_await verify_slice(job, bulk);
    if (verified.differences.bytes() > 0 && hooks_.fails_for(verified.differences))
      fail_verification(verified.differences);
    if (job.must_return()) co_return;
    co_await hooks_.rest(job);
    if (job.must_return()) co_return;
  }
}

void Transfer::fail_verification(const io::Differences& differences) {
  report_.show_differences(differences);
  throw core::Error("target " + context_.plan.target +
                    " does not hold what was written to it; of source " + context_.plan.source +
                    " " + differences.describe() + ": see to that disk, then copy again");
}

// --- errors ---

void Transfer::handle_error(core::Job& job, const io::CopyError& error) const {
  const CopyPlan& plan = context_.plan;
  const auto policy = error.is_read ? plan.on_source_error : plan.on_target_error;
  if (job.io_error(policy, error.is_read, error.error) != core::ErrorAction::kReport) return;
  const std::string place = error.length < plan.size ? place_of(error.offset, error.length) : "";
  const std::string why = place + ": " + error.error.message();
  if (error.is_read)
    throw core::Error("source " + plan.source + " cannot be read" + why +
                      "; --on-source-error=ignore leaves such blocks out");
  throw core::Error("target " + plan.target + " cannot be written" + why +
                    "; --on-target-error=stop waits until it is back");
}

// What is ignored is not tried again at once.
boost::asio::awaitable<void> Transfer::handle_error_and_wait(core::Job& job,
                                                             io::CopyError error) const {
  handle_error(job, error);
  if (!job.pause_requested()) co_await job.wait_kick(kSlice);
}

void Transfer::handle_error(core::Job& job, const io::CompareError& error) const {
  const CopyPlan& plan = context_.plan;
  const auto policy = error.at_source ? plan.on_source_error : plan.on_target_error;
  if (job.io_error(policy, true, error.error) != core::ErrorAction::kReport) return;
  const std::string disk = error.at_source ? "source " + plan.source : "target " + plan.target;
  throw core::Error(disk + " cannot be read" + place_of(error.offset, error.length) + ": " +
                    error.error.message() + ", and so not be compared");
}

}  // namespace dmjob::drivers

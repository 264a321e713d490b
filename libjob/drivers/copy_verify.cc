// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What copies that are verified have in common: slices of reading the target back, and what comes
// of errors and differences.
#include "libjob/core/error.h"
#include "libjob/drivers/copy_driver.h"

namespace dmjob::drivers {

std::string CopyDriver::place_of(std::uint64_t offset, std::uint64_t length) {
  return " at byte " + std::to_string(offset) + " (" + std::to_string(length) + " bytes)";
}

boost::asio::awaitable<BulkCopy::Look> CopyDriver::verify_slice(core::Job& job, BulkCopy& bulk) {
  BulkCopy::Look nothing;
  nothing.end = io::CopyEnd::kStopped;
  if (job.pause_requested() || job.must_return()) co_return nothing;
  control_.go_on();
  auto run = [&] { return bulk.verify_slice(job.progress(), kSlice); };
  BulkCopy::Look look = co_await worker_.run(std::move(run));
  show_to_verify(job, look.left);
  for (const io::CompareError& error : look.unreadable) face(job, error);
  if (look.error) face(job, *look.error);
  if (look.error && !job.pause_requested()) co_await job.wait_kick(kSlice);
  co_return look;
}

boost::asio::awaitable<void> CopyDriver::verify_all(core::Job& job, BulkCopy& bulk) {
  while (to_verify_ > 0) {
    set_phase("verifying");
    const BulkCopy::Look look = co_await verify_slice(job, bulk);
    if (look.differences.bytes() > 0) {
      auto confirm = [this] { confirm_difference(); };
      co_await worker_.run(std::move(confirm));
      fail_verification(look.differences);
    }
    if (job.must_return()) co_return;
    co_await rest(job);
    if (job.must_return()) co_return;
  }
}

void CopyDriver::face(core::Job& job, const io::CompareError& error) {
  const auto policy = error.at_source ? plan_.on_source_error : plan_.on_target_error;
  if (job.io_error(policy, true, error.error) != core::ErrorAction::kReport) return;
  const std::string disk = error.at_source ? "source " + plan_.source : "target " + plan_.target;
  throw core::Error(disk + " cannot be read" + place_of(error.offset, error.length) + ": " +
                    error.error.message() + ": the copy could not be verified");
}

void CopyDriver::fail_verification(const io::Differences& differences) {
  differences_ = differences;
  throw core::Error("target " + plan_.target + " does not hold what was written to it; of source " +
                    plan_.source + " " + differences.describe() +
                    ": see to that disk, then copy again");
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What copies that are verified have in common: slices of reading the target back, and what comes
// of errors and differences.
#include <algorithm>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/base/copy_driver.h"

namespace dmjob::drivers {
namespace {

// Of the source.
bool has_read_error(const BulkCopy::Look& look) {
  return (look.error && look.error->at_source) ||
         std::ranges::any_of(look.unreadable, &io::CompareError::at_source);
}

}  // namespace

std::string CopyDriver::place_of(std::uint64_t offset, std::uint64_t length) {
  return " at byte " + std::to_string(offset) + " (" + std::to_string(length) + " bytes)";
}

boost::asio::awaitable<BulkCopy::Look> CopyDriver::verify_slice(core::Job& job, BulkCopy& bulk) {
  LookAt look_at = [&] { return bulk.verify_slice(job.progress(), kSlice); };
  return look_slice(job, std::move(look_at));
}

boost::asio::awaitable<BulkCopy::Look> CopyDriver::look_slice(core::Job& job, LookAt look_at) {
  BulkCopy::Look nothing;
  nothing.end = io::CopyEnd::kStopped;
  if (halted_ || job.pause_requested() || job.must_return()) co_return nothing;
  control_.go_on();
  auto run = [&] {
    BulkCopy::Look done = look_at();
    if (has_read_error(done)) confirm_source();
    if (done.differences.bytes() > 0) confirm_difference();
    return done;
  };
  BulkCopy::Look look = co_await worker_.run(std::move(run));
  show_to_verify(job, look.left);
  note_look(look);
  for (const io::CompareError& error : look.unreadable) face(job, error);
  if (look.error) face(job, *look.error);
  if (look.error && !job.pause_requested()) co_await job.wait_kick(kSlice);
  co_return look;
}

// Another disk in the target's place is to be copied to once more. The source is looked at after
// its last byte was read: until then it may have told what it is not to tell, without an error.
boost::asio::awaitable<void> CopyDriver::copy_and_verify(core::Job& job, BulkCopy& bulk) {
  do {
    co_await copy_all(job, bulk);
    if (plan_.verify && !job.must_return()) co_await verify_all(job, bulk);
  } while (bulk.dirty().count() > 0 && !job.must_return());
  if (job.must_return()) co_return;
  auto confirm = [this] { confirm_source(); };
  co_await worker_.run(std::move(confirm));
}

boost::asio::awaitable<void> CopyDriver::verify_all(core::Job& job, BulkCopy& bulk) {
  show_to_verify(job, bulk.unverified_bytes());
  while (to_verify_ > 0 && bulk.dirty().count() == 0) {
    set_phase(plan_.only_compare ? "comparing" : "verifying");
    const BulkCopy::Look look = co_await verify_slice(job, bulk);
    if (look.differences.bytes() > 0) co_await face_differences(look);
    if (job.must_return()) co_return;
    co_await rest(job);
    if (job.must_return()) co_return;
  }
}

boost::asio::awaitable<void> CopyDriver::face_differences(const BulkCopy::Look& look) {
  fail_verification(look.differences);
  co_return;
}

void CopyDriver::face(core::Job& job, const io::CompareError& error) {
  const auto policy = error.at_source ? plan_.on_source_error : plan_.on_target_error;
  if (job.io_error(policy, true, error.error) != core::ErrorAction::kReport) return;
  const std::string disk = error.at_source ? "source " + plan_.source : "target " + plan_.target;
  throw core::Error(disk + " cannot be read" + place_of(error.offset, error.length) + ": " +
                    error.error.message() + ", and so not be compared");
}

void CopyDriver::fail_verification(const io::Differences& differences) {
  show_differences(differences);
  throw core::Error("target " + plan_.target + " does not hold what was written to it; of source " +
                    plan_.source + " " + differences.describe() +
                    ": see to that disk, then copy again");
}

}  // namespace dmjob::drivers

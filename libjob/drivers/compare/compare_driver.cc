// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/compare/compare_driver.h"

#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/transfer/same_disk.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

using core::Error;

// --- on the worker ---

void CompareDriver::open() {
  sides_ = {{"source " + context_.plan.source, context_.plan.source, ""},
            {"target " + context_.plan.target, context_.plan.target, ""}};
  if (context_.resumed) {
    require_same_disk(sides_[0].shown, context_.plan.source_disk, context_.plan.source);
    require_same_disk(sides_[1].shown, context_.plan.target_disk, context_.plan.target);
  }
  for (Side& side : sides_) {
    locks_.emplace_back(side.path, io::DeviceLock::Mode::kExclusive);
    side.fingerprint = fingerprint_of(side.path);
  }
  auto source = io::open_device(context_.plan.source, io::Access::kRead);
  auto target = io::open_device(context_.plan.target, io::Access::kRead);
  if (source->size() != context_.plan.size || target->size() < context_.plan.size)
    throw Error(sides_[0].shown + " or " + sides_[1].shown +
                " has another size than when the job was made: compare again");
  comparison_ = std::make_unique<Comparison>(std::move(source), std::move(target), context_.control,
                                             context_.environment.clock, context_.plan);
}

void CompareDriver::require_untouched() const {
  for (const Side& side : sides_)
    if (was_written_to(side.path, side.fingerprint))
      throw Error(side.shown +
                  " was written to during the comparison, which tells nothing: compare again once "
                  "nobody uses it");
}

void CompareDriver::close() {
  comparison_.reset();
  locks_.clear();
}

// --- on the reactor ---

boost::asio::awaitable<void> CompareDriver::run(core::Job& job) {
  co_await wait_for_late_disks(job);
  if (job.must_return()) co_return;
  auto start = [this] { open(); };
  co_await context_.worker.run(std::move(start));
  co_await compare(job);
  if (job.must_return()) co_return;
  // Pending, it may wait for long: without buffers, and without what it has no more need of.
  auto finish = [this] {
    result_.not_read = comparison_->unreadable();
    require_untouched();
    close();
  };
  co_await context_.worker.run(std::move(finish));
  result_.judge(sides_[0].shown, sides_[1].shown);
}

boost::asio::awaitable<void> CompareDriver::compare(core::Job& job) {
  report_.set_phase("comparing");
  report_.show_to_verify(job, context_.plan.size);
  while (report_.to_verify() > 0) {
    Transfer::Compare slice = [this, &job] { return comparison_->slice(job.progress(), kSlice); };
    const BulkCopy::VerifyResult verified = co_await transfer_.compare_slice(job, std::move(slice));
    if (job.must_return()) co_return;
    co_await job.pause_point();
    if (job.must_return()) co_return;
  }
}

void CompareDriver::note_result(const BulkCopy::VerifyResult& verified) {
  result_.found = verified.differences;
  report_.show_differences(result_.found);
}

boost::asio::awaitable<void> CompareDriver::commit(core::Job&) {
  report_.set_phase("done; both are equal");
  co_return;
}

boost::asio::awaitable<void> CompareDriver::abort(core::Job&) {
  report_.set_phase(result_.found.bytes() > 0 ? "done; they differ" : "given up");
  co_return;
}

boost::asio::awaitable<void> CompareDriver::clean(core::Job&) {
  auto drop = [this] { close(); };
  co_await context_.worker.run(std::move(drop));
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/compare/volume_compare.h"

#include "libjob/core/error.h"

namespace dmjob::drivers {

boost::asio::awaitable<void> LiveCompare::run(core::Job& job) {
  co_await BackupDriver::run(job);
  if (job.must_return()) co_return;
  // The instant went with the process that had looked.
  if (!looked_)
    throw core::Error("dmjobd ended when all was compared and nothing was told yet: compare again");
  judged_ = true;
  result_.judge("volume '" + context_.plan.volume + "'", "target " + context_.plan.target);
}

void LiveCompare::note_result(const BulkCopy::VerifyResult& verified) {
  looked_ = true;
  result_.found.add(verified.differences);
  result_.not_read.insert(result_.not_read.end(), verified.unreadable.begin(),
                          verified.unreadable.end());
  report_.show_differences(result_.found);
}

boost::asio::awaitable<void> LiveCompare::commit(core::Job& job) {
  co_await BackupDriver::commit(job);
  report_.set_phase("done; both are equal");
}

boost::asio::awaitable<void> LiveCompare::abort(core::Job& job) {
  co_await BackupDriver::abort(job);
  report_.set_phase(judged_ && result_.found.bytes() > 0 ? "done; they differ" : "given up");
}

}  // namespace dmjob::drivers

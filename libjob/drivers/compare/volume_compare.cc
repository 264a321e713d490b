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
  result_.judge("volume '" + plan_.volume + "'", "target " + plan_.target);
}

void LiveCompare::note_look(const BulkCopy::Look& look) {
  looked_ = true;
  result_.found.add(look.differences);
  result_.not_read.insert(result_.not_read.end(), look.unreadable.begin(), look.unreadable.end());
  show_differences(result_.found);
}

boost::asio::awaitable<void> LiveCompare::face_differences(const BulkCopy::Look&) { co_return; }

boost::asio::awaitable<void> LiveCompare::commit(core::Job& job) {
  co_await BackupDriver::commit(job);
  set_phase("done; both are equal");
}

boost::asio::awaitable<void> LiveCompare::abort(core::Job& job) {
  co_await BackupDriver::abort(job);
  set_phase(judged_ && result_.found.bytes() > 0 ? "done; they differ" : "given up");
}

nlohmann::json LiveCompare::describe() const {
  nlohmann::json about = BackupDriver::describe();
  for (const char* member : {"dirty", "granularity", "verify"}) about.erase(member);
  return about;
}

}  // namespace dmjob::drivers

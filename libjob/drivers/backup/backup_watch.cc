// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The watch of a backup: the scratch grows ahead of its use, and a job whose instant is lost ends
// at once, from a pause too.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "libjob/drivers/backup/backup_driver.h"

namespace dmjob::drivers {

void BackupDriver::start_watch(core::Job& job) {
  watching_ = true;
  watch_done_ = false;
  boost::asio::co_spawn(context_.environment.executor, watch(job), boost::asio::detached);
}

boost::asio::awaitable<void> BackupDriver::stop_watch() {
  watching_ = false;
  context_.environment.dm_events.notify();
  while (!watch_done_) co_await watch_ended_.wait();
}

boost::asio::awaitable<void> BackupDriver::watch(core::Job& job) {
  constexpr core::Duration kEvery = std::chrono::milliseconds(200);
  while (watching_ && room_.lost.empty()) {
    auto look = [this] { return copy_->look(); };
    room_ = co_await looker_.run(std::move(look));
    note_name(job, room_.volume);
    if (watching_ && room_.lost.empty()) co_await context_.environment.dm_events.wait_for(kEvery);
  }
  if (watching_ && !room_.lost.empty()) {
    transfer_.halt();
    job.break_pause();
  }
  watch_done_ = true;
  watch_ended_.notify();
}

}  // namespace dmjob::drivers

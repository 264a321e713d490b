// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/snapshot_watch.h"

#include <utility>

namespace dmjob::drivers {

SnapshotWatch::SnapshotWatch(JobContext& context, Transfer& transfer, BackupCopy& copy,
                             NoteName note_name)
    : transfer_(transfer),
      copy_(copy),
      note_name_(std::move(note_name)),
      loop_(context.environment) {}

void SnapshotWatch::start(core::Job& job) {
  loop_.start([this, &job] { return poll(job); });
}

boost::asio::awaitable<std::optional<core::Duration>> SnapshotWatch::poll(core::Job& job) {
  constexpr core::Duration kEvery = std::chrono::milliseconds(200);
  auto look = [this] { return copy_.look(); };
  room_ = co_await poller_.run(std::move(look));
  note_name_(job, room_.volume);
  if (room_.lost.empty()) co_return kEvery;
  if (!loop_.is_stopping()) {
    transfer_.halt();
    job.break_pause();
  }
  co_return std::nullopt;
}

boost::asio::awaitable<void> SnapshotWatch::require_instant() {
  auto require = [this] { copy_.require_instant(); };
  co_await poller_.run(std::move(require));
}

}  // namespace dmjob::drivers

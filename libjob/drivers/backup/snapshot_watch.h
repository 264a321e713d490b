// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The watch of a backup, from the instant on and in a pause too: it polls the snapshot several
// times a second, has the scratch grow ahead of its use, and halts a job whose instant is lost.
//
// Thread: the reactor; polls on a worker of its own.
#pragma once

#include <functional>
#include <string>

#include "libjob/core/worker.h"
#include "libjob/drivers/backup/backup_copy.h"
#include "libjob/drivers/base/transfer.h"
#include "libjob/drivers/base/watch_loop.h"

namespace dmjob::drivers {

class SnapshotWatch {
 public:
  // Told by what name the volume goes.
  using NoteName = std::function<void(core::Job&, const std::string&)>;

  // All outlive this.
  SnapshotWatch(JobContext& context, Transfer& transfer, BackupCopy& copy, NoteName note_name);

  void start(core::Job& job);
  boost::asio::awaitable<void> stop() { return loop_.stop(); }
  // As of the last poll.
  const BackupCopy::Room& room() const { return room_; }
  // Now, on the watch's worker. Throws Error if the instant is lost.
  boost::asio::awaitable<void> require_instant();

 private:
  boost::asio::awaitable<std::optional<core::Duration>> poll(core::Job& job);

  Transfer& transfer_;
  BackupCopy& copy_;
  const NoteName note_name_;
  BackupCopy::Room room_;
  WatchLoop loop_;
  core::Worker poller_;  // last: its thread uses what is above
};

}  // namespace dmjob::drivers

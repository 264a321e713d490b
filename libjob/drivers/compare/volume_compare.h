// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Compares a volume in use, as of one instant, with a disk or file that nobody uses. It is a backup
// that copies nothing: the same instant, scratch and watch, but what a backup does to verify its
// target is all that it does. Killed, it begins again with the same instant, as long as that is
// there.
//
// Thread: the reactor; what blocks runs on the worker.
#pragma once

#include "libjob/drivers/backup/backup_driver.h"
#include "libjob/drivers/compare/compare_result.h"

namespace dmjob::drivers {

class LiveCompare : public BackupDriver {
 public:
  using BackupDriver::BackupDriver;

  std::string_view type() const override { return "compare"; }
  boost::asio::awaitable<void> run(core::Job& job) override;
  boost::asio::awaitable<void> commit(core::Job& job) override;
  boost::asio::awaitable<void> abort(core::Job& job) override;

 protected:
  void note_result(const BulkCopy::VerifyResult& verified) override;
  bool fails_for(const io::Differences&) override { return false; }  // run() judges

 private:
  CompareResult result_;
  bool looked_ = false;  // in this process
  bool judged_ = false;  // all that was found counts
};

}  // namespace dmjob::drivers

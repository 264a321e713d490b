// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A copy of something that nobody uses: no device-mapper at all. It has no ready phase: with its
// last block it is done. Started again after a kill, it goes on from its checkpoint, unless the
// source was written to meanwhile (io::write_fingerprint), or the target by others (TargetDisk).
//
// Thread: the reactor; what blocks runs on the worker.
#pragma once

#include <optional>

#include "libjob/drivers/base/transfer_driver.h"
#include "libjob/drivers/plan/scratch_io.h"
#include "libjob/drivers/transfer/target_disk.h"
#include "libjob/io/device_lock.h"

namespace dmjob::drivers {

class OfflineDriver : public TransferDriver {
 public:
  using TransferDriver::TransferDriver;

  std::string_view type() const override { return "mirror"; }
  boost::asio::awaitable<void> run(core::Job& job) override;
  boost::asio::awaitable<void> prepare(core::Job& job) override;
  boost::asio::awaitable<void> commit(core::Job& job) override;
  boost::asio::awaitable<void> abort(core::Job& job) override;
  boost::asio::awaitable<void> clean(core::Job& job) override;

 protected:
  void confirm_difference() override { require_untouched_source(); }
  void require_target() override;
  TargetNote note_of_target() const override;

 private:
  boost::asio::awaitable<void> begin(core::Job& job);
  // On the worker.
  void require_same_disks() const;
  void require_untouched_source();
  void open(const std::string& fingerprint);
  void make_target();
  void lock_source();
  void open_scratch(bool create);
  bool open_checkpoint(const std::string& fingerprint);
  void open_afresh();
  void close();
  void drop_scratch();
  boost::asio::awaitable<bool> is_target_ours(core::Job& job);

  std::string made_file_;  // which file the target is, if it is a new one
  std::optional<io::DeviceLock> source_lock_;
  std::optional<io::DeviceLock> scratch_lock_;
  std::optional<TargetDisk> target_;
  bool anew_ = false;  // the target cannot be believed
  OpenScratch scratch_device_;
  std::optional<store::Scratch> scratch_;
  std::unique_ptr<BulkCopy> bulk_;
};

// A backup of something that nobody uses is the same, under another name.
class OfflineBackup : public OfflineDriver {
 public:
  using OfflineDriver::OfflineDriver;
  std::string_view type() const override { return "backup"; }
};

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Makes a volume that holds its writes independent of the disk it stands on. Type "stream".
//
//   copying   origin to target, both untouched by the volume, which goes on holding. The target is
//             held (target_disk.h); written to by others, it is copied anew
//   merging   the target, now a whole copy, takes the origin's place; what is held goes into it
//   done      the volume is the target alone
//
// Cancelled while copying, the volume is as it was; while merging, it stands on the target and
// holds the rest. A volume that holds nothing has nothing to stream, and that is done at once.
//
// Thread: the reactor; what blocks runs on the worker.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libjob/drivers/base/transfer_driver.h"
#include "libjob/drivers/overlay/overlay_merge.h"
#include "libjob/drivers/plan/scratch_io.h"
#include "libjob/drivers/transfer/target_disk.h"
#include "libjob/io/device_lock.h"
#include "libjob/store/scratch.h"

namespace dmjob::drivers {

struct StreamPlan {
  CopyPlan copy;  // as of an offline copy: no volume in it
  std::string volume;
  bool lock_target = true;  // else the volume holds it, whose scratch is in its tail
  // Of the overlay, before it is decided that the target takes the origin's place.
  bool read_only = true;
  bool merge_begun = true;
};

class StreamDriver : public TransferDriver {
 public:
  StreamDriver(Environment& environment, StreamPlan plan, const std::string& job_id, bool resumed);
  static StreamPlan restore_plan(const nlohmann::json& record);

  std::string_view type() const override { return "stream"; }
  boost::asio::awaitable<void> run(core::Job& job) override;
  boost::asio::awaitable<void> prepare(core::Job& job) override;
  boost::asio::awaitable<void> commit(core::Job& job) override;
  boost::asio::awaitable<void> abort(core::Job& job) override;
  boost::asio::awaitable<void> clean(core::Job& job) override;
  nlohmann::json describe() const override;
  nlohmann::json record() const override;

 protected:
  TargetNote note_of_target() const override;

 private:
  bool has_nothing() const { return context_.plan.target.empty(); }
  // The target has taken the origin's place.
  bool has_copied() const;
  // That was decided, but the kernel does not know it: what the target holds is to be shown again.
  boost::asio::awaitable<void> take_back_decision(core::Job& job);
  boost::asio::awaitable<void> copy(core::Job& job);
  boost::asio::awaitable<void> open(core::Job& job);
  boost::asio::awaitable<bool> is_target_ours(core::Job& job);
  void require_whole() const;
  void make_target();
  // On the worker.
  void require_same_disks() const;
  // Return what the target is by now. goes_on: from a checkpoint.
  io::DiskIdentity open_copy();
  io::DiskIdentity identify_target(bool has_checkpoint) const;
  Successor successor();
  void open_scratch(bool create);
  bool open_checkpoint();
  bool is_on_origin(const volumes::ManagedVolume& volume) const;
  void prove_target();
  void close_copy(bool ends);
  void close(bool ends);

  const std::string volume_;
  const bool lock_target_;
  const bool read_only_;
  const bool merge_begun_;
  OverlayMerge merge_;
  bool merging_ = false;
  std::optional<TargetDisk> target_;
  bool anew_ = false;  // the target could not be believed
  std::optional<io::DeviceLock> scratch_lock_;
  OpenScratch scratch_device_;
  std::optional<store::Scratch> scratch_;
  std::unique_ptr<BulkCopy> bulk_;
};

}  // namespace dmjob::drivers

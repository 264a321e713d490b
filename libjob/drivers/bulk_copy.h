// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The user-space half of a copy: both devices, the bitmap of what is still to be copied, its
// checkpoints on scratch, and the blocks that could not be read.
//
// What a checkpoint promises: a clear bit means that the target has the region on stable storage.
// So the target is flushed first; if that fails, everything that was dirty at any time since the
// last flush is dirty again.
//
// Thread: the job's worker. Errors: std::system_error where scratch fails; errors of source and
// target are values, since the job's policy decides about them.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "libjob/core/clock.h"
#include "libjob/core/progress.h"
#include "libjob/drivers/copy_plan.h"
#include "libjob/io/block_device.h"
#include "libjob/io/copy_engine.h"
#include "libjob/io/dirty_bitmap.h"
#include "libjob/store/scratch.h"

namespace dmjob::drivers {

class BulkCopy {
 public:
  static constexpr core::Duration kCheckpointEvery = std::chrono::seconds(5);

  // `scratch` and `control` outlive this. target: null if it is away.
  BulkCopy(std::unique_ptr<io::BlockDevice> source, std::unique_ptr<io::BlockDevice> target,
           store::Scratch& scratch, io::CopyControl& control, const core::Clock& clock,
           const CopyPlan& plan);

  struct Slice {
    io::CopyEnd end = io::CopyEnd::kClean;
    std::optional<io::CopyError> error;  // with kError
    std::vector<io::CopyError> ignored;  // for accept(); of regions that were tried to their ends
    std::uint64_t dirty = 0;             // bytes left
  };
  // Copies for `time` at most, with a checkpoint now and then. kStopped if a side is not open.
  Slice run_slice(core::Progress& progress, core::Duration time);

  // The target's error, if it could not be flushed or is away.
  std::optional<io::CopyError> checkpoint();
  // Takes the stored bitmap as what is dirty.
  void load_checkpoint();

  io::DirtyBitmap& dirty() { return dirty_; }
  const io::DirtyBitmap& given_up() const { return given_up_; }
  // An unreadable extent that the user chose to ignore: its regions are not tried again before they
  // are written to, and read as zeroes on the target.
  void give_up(const io::CopyError& extent);
  // Errors that the user chose to ignore: what could not be read is given up, what could not be
  // written stays dirty.
  void accept(const std::vector<io::CopyError>& ignored);
  // What is given up at present, by place; no extent is longer than a region.
  const std::vector<io::CopyError>& unreadable() const { return unreadable_; }
  // Copies what can be read of those given-up regions that are dirty, and clears their bits; a
  // region that the target refuses is no longer given up. For a moment in which nobody writes (used
  // with the volume's writes suspended): no stop, no speed limit.
  void copy_given_up_again();

  // Null while it is away.
  io::BlockDevice* target() { return target_.get(); }
  void replace_target(std::unique_ptr<io::BlockDevice> target);
  void close_target();
  // The source's device can only be removed while it is not open here.
  void close_source();

 private:
  void store();
  void retry_given_up();
  io::DirtyBitmap dirty_and_given_up() const;
  void forget(std::uint64_t region);
  void take_back(const io::CopyError& extent);
  io::CopyEngine& engine();

  std::unique_ptr<io::BlockDevice> source_;
  std::unique_ptr<io::BlockDevice> target_;
  store::Scratch& scratch_;
  io::CopyControl& control_;
  const core::Clock& clock_;
  const core::OnError on_source_error_;
  const core::OnError on_target_error_;
  const bool scratch_on_target_;  // its failure is the target's
  io::DirtyBitmap dirty_;
  io::DirtyBitmap unflushed_;  // what was dirty at any time since the target was last flushed
  io::DirtyBitmap given_up_;
  std::vector<io::CopyError> unreadable_;
  const io::CopyOptions options_;
  std::optional<io::CopyEngine> engine_;  // none after a device was exchanged
  core::TimePoint last_checkpoint_;
};

}  // namespace dmjob::drivers

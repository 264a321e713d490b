// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The user-space half of a copy: both devices, the bitmap of what is still to be copied, its
// checkpoints on scratch, and the blocks that could not be read, with the map of them for the user.
//
// What a checkpoint promises: a clear bit means that the target has the region on stable storage.
// So the target is flushed first; if that fails, everything that was dirty at any time since the
// last flush is dirty again. The user's map promises the same: what it calls copied is on stable
// storage, and the rest of the source, should it not be bad, was not tried. Of a tracked copy
// nothing is called copied before its end, since what is copied may be written to again.
//
// Thread: the job's worker. Errors: std::system_error where scratch fails; errors of source and
// target are values, since the job's policy decides about them.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "libjob/core/clock.h"
#include "libjob/core/progress.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/drivers/transfer/bad_blocks.h"
#include "libjob/drivers/transfer/error_map_file.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/io/compare_engine.h"
#include "libjob/io/copy_engine.h"
#include "libjob/io/differences.h"
#include "libjob/io/dirty_bitmap.h"
#include "libjob/io/extent_set.h"
#include "libjob/store/scratch.h"

namespace dmjob::drivers {

class BulkCopy {
 public:
  static constexpr core::Duration kCheckpointEvery = std::chrono::seconds(5);

  // All that is a reference outlives this. target: null if it is away.
  BulkCopy(std::unique_ptr<io::BlockDevice> source, std::unique_ptr<io::BlockDevice> target,
           store::Scratch& scratch, io::CopyControl& control, const core::Clock& clock,
           const CopyPlan& plan, ErrorMapFile& map);
  // Writes the map a last time.
  ~BulkCopy();
  BulkCopy(const BulkCopy&) = delete;
  BulkCopy& operator=(const BulkCopy&) = delete;

  struct Slice {
    io::CopyEnd end = io::CopyEnd::kClean;
    std::optional<io::CopyError> error;  // with kError
    std::vector<io::CopyError> ignored;  // for the events; neighbours as one
    std::uint64_t dirty = 0;             // bytes left
  };
  // Copies for `time` at most, with a checkpoint now and then. kStopped if a side is not open.
  // Of the errors that the user chose to ignore: what could not be read is given up, that is, reads
  // as zeroes on the target, and is not tried again before it is written to, or by
  // try_bad_blocks_again(). What could not be written stays dirty.
  // `confirm` is called when something could not be read, before that is believed: it throws if it
  // was not a block that is bad, but the source as a whole.
  using Confirm = std::function<void()>;
  Slice run_slice(core::Progress& progress, core::Duration time, const Confirm& confirm = [] {});

  // The target's error, if it could not be flushed or is away.
  std::optional<io::CopyError> checkpoint();
  // Takes the stored bitmap as what is dirty. Of a comparison nothing ever is.
  void load_checkpoint();

  io::DirtyBitmap& dirty() { return dirty_; }
  const BadBlocks& bad_blocks() const { return bad_blocks_; }
  // For the end: what was given up and not tried since is dirty once more. False: there is nothing.
  bool try_bad_blocks_again() { return bad_blocks_.try_again(dirty_); }
  // Nobody knows what the target holds; that is stored, too. Call it before it is noted that from
  // now on nobody else writes to it.
  void distrust_target();
  // Somebody may have mended the source.
  void renew_tries() { bad_blocks_.renew_tries(); }
  // The job has ended well: the target is what the source was, but for what is given up.
  void note_success();
  // What was copied is not what the source holds.
  void note_stale() { dirty_.set_all(); }
  // Copies what can be read of those given-up regions that are dirty, and clears their bits; a
  // region that the target refuses is no longer given up. What is written meanwhile is marked
  // elsewhere (just before a hand-over): no stop, no speed limit.
  void copy_bad_blocks_again();

  // --- bulk_verify.cc: source and target are read and compared; only where nothing is dirty ---
  struct VerifyResult {
    io::CopyEnd end = io::CopyEnd::kClean;
    std::optional<io::CompareError> error;     // with kError
    std::vector<io::CompareError> unreadable;  // at the source, by a policy that ignores it
    io::Differences differences;
    // All that differs, one extent a region. These regions still count as not verified: where
    // somebody writes at the same time, a difference may be a write that is on its way.
    std::vector<io::Extent> suspects;
    std::uint64_t left = 0;  // bytes not verified
  };
  // Looks at what is not verified, for `time` at most. kStopped if a side is not open. What is
  // given up is no difference. The target's errors are never ignored: without it nothing is proven.
  VerifyResult verify_slice(core::Progress& progress, core::Duration time);
  // Looks at suspects once more, at `most` bytes of them; those that are equal now are verified and
  // no longer suspects. What still differs joins `found`. False: a side could not be read. More
  // than `most` is read by the rest of a block at most, whatever the suspects are.
  bool recheck(std::vector<io::Extent>& suspects, std::uint64_t most, io::Differences& found);
  // Gets the memory that recheck() needs, so that it needs none within a suspension. Throws
  // std::logic_error if a suspect is not within one region of the disk.
  void prepare_recheck(const std::vector<io::Extent>& suspects);
  std::uint64_t unverified_bytes() const { return unverified_.dirty_bytes(); }
  // Nothing is dirty any more, since somebody else copies it.
  void hand_over_dirty();

  // Whether a write to the target has failed since the last call.
  bool take_target_failed() { return std::exchange(target_failed_, false); }
  // Null while it is away.
  io::BlockDevice* target() { return target_.get(); }
  void replace_target(std::unique_ptr<io::BlockDevice> target);
  void close_target();
  // The source's device can only be removed while it is not open here.
  void close_source();

 private:
  void note_target_errors(const Slice& slice);
  void store();
  io::DirtyBitmap dirty_and_bad() const;
  void forget_copied(const io::DirtyBitmap& tried);
  // The target's error, if it did not take the zeroes.
  std::optional<io::CopyError> accept(const std::vector<io::CopyError>& ignored);
  std::vector<io::CopyError> give_up(const std::vector<io::CopyError>& errors);
  std::error_code write_zeroes(const io::CopyError& extent);
  void forget(const io::CopyError& extent);
  void take_back(const io::CopyError& extent);
  template <typename Function>
  void for_each_region(const io::CopyError& extent, Function function) const;
  void write_map();
  io::CopyEngine& engine();
  io::CompareEngine& compare_engine();
  void drop_engines();
  bool leave_out(const io::CompareError& error) const;
  using Regions = std::map<std::uint64_t, io::ExtentSet>;  // what differs in each
  void note_difference(io::Differences& differences, Regions& differing,
                       const io::Extent& extent) const;
  std::vector<io::Extent> not_bad(const io::Extent& extent) const;
  std::uint64_t block() const;
  io::Extent first_part(const io::Extent& extent, std::uint64_t most) const;
  bool is_in_a_region(const io::Extent& extent) const;
  io::Extent whole_blocks(const io::Extent& part) const;
  std::optional<bool> is_equal(const io::Extent& part, const io::Extent& read,
                               io::Differences& found);

  std::unique_ptr<io::BlockDevice> source_;
  std::unique_ptr<io::BlockDevice> target_;
  store::Scratch& scratch_;
  io::CopyControl& control_;
  const core::Clock& clock_;
  const core::OnError on_source_error_;
  const core::OnError on_target_error_;
  const bool only_compare_;
  const bool scratch_on_target_;  // its failure is the target's
  io::DirtyBitmap dirty_;
  io::DirtyBitmap unflushed_;  // what was dirty at any time since the target was last flushed
  // What was dirty at any time since it was verified.
  io::DirtyBitmap unverified_;
  BadBlocks bad_blocks_;
  ErrorMapFile& map_;
  const std::string about_;              // for the map's reader
  bool copied_counts_;                   // in the map
  std::optional<std::uint64_t> mapped_;  // the version of bad_blocks_ that the map shows
  const io::CopyOptions options_;
  // None after a device was exchanged.
  std::optional<io::CopyEngine> engine_;
  std::optional<io::CompareEngine> compare_engine_;
  std::array<io::AlignedBuffer, 2> recheck_buffers_;  // of source and target
  core::TimePoint last_checkpoint_;
  bool target_failed_ = false;
};

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The data path of a live copy: the dm stack, its three logs, the bitmap, and the order in which
// they change hands. One call is one step; between two steps everything is on disk that a next
// start needs:
//
//   what is dirty = the stored checkpoint + the marks of all three logs
//
// so a log is made all in sync only after its marks are in a stored checkpoint, and a checkpoint is
// stored only after the target is flushed. A mirror's log is prepared all out of sync before the
// switch and told the truth within it: whoever dies in between copies too much, never too little.
//
// While mirroring, the tracker to fall back to is loaded already (its log in sync on disk), so that
// a failed target costs one suspend and resume, even without this process (Ledger::watch_mirror).
//
// Thread: the job's worker, all but those that say so. The caller holds the volume's modify slot.
// Errors: std::system_error and core::Error; after each the volume is usable, with its data.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dm/control.h"
#include "dm/status.h"
#include "dm/suspend_guard.h"
#include "dm/topology/copy_stack.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/drivers/plan/scratch_io.h"
#include "libjob/drivers/transfer/bulk_copy.h"
#include "libjob/drivers/transfer/target_disk.h"

namespace dmjob::drivers {

class LiveCopy {
 public:
  // All outlive this.
  LiveCopy(dm::Control& control, dm::Ledger& ledger, const core::Clock& clock,
           io::CopyControl& copy_control, const std::string& job_id, const CopyPlan& plan,
           ErrorMapFile& error_map);
  ~LiveCopy();

  // Makes scratch and stack; the volume's writes are tracked when it returns, everything is dirty.
  // The target's error, and nothing is changed, if it is away.
  std::optional<io::CopyError> start();

  enum class Adopted {
    kTracking,  // the stack was there; it tracks again, the bitmap is the union of all marks
    kNothing,   // no trace on the volume: start() over
    kOnTarget,  // the pivot has happened
  };
  // Takes up what an earlier process left in the kernel and on scratch. The target may be away.
  Adopted adopt();
  // Where the volume is now. `target`: the path that a pivot was decided for, in case nothing holds
  // the target any more.
  enum class Side {
    kInterposed,
    kOnTarget,
    kKept,       // its own table, by us: the target is a consistent copy
    kGivenBack,  // its own table, by whom is not known
    kUnknown,
  };
  enum class How {
    kInspect,  // changes nothing
    kTakeUp,   // of a process that is dead: what it has left suspended is resumed
  };
  Side side(const std::string& target, How how);

  // Precondition: started or adopted once.
  BulkCopy& bulk() { return *bulk_; }
  std::uint64_t dirty_bytes() const;
  bool has_target() const { return bulk_ && bulk_->target(); }
  bool mirroring() const { return mode_ == dm::WriteMode::Kind::kMirroring; }
  bool tracking() const { return mode_ == dm::WriteMode::Kind::kTracking; }

  // A fresh log for the tracker; the marks of the old one join the bitmap. If the watch has ended
  // the tracking meanwhile, this and hand_over() have no effect.
  void rotate();
  // As rotate(); if the logs are in the target's tail, their failure is the target's, and is
  // returned. It may be put off.
  std::optional<io::CopyError> try_rotate();
  // As rotate(), but the old log cannot be trusted: everything is dirty.
  void restart_tracking();
  // From tracking to mirroring. What is dirty is copied by the kernel. The target's error, if it
  // could not be flushed or mapped: then still tracking. It may be put off.
  std::optional<io::CopyError> hand_over();
  // Why the last try_rotate() or hand_over() has changed nothing, for people: a disk was too slow
  // while the volume's writes waited. "" if it was not put off.
  const std::string& put_off() const { return put_off_; }
  // From mirroring to tracking.
  void fall_back();
  // After the target has failed: fall_back(). If the logs are in its tail, nothing can be tracked;
  // the volume gets its own table back, and reopen_target() starts over.
  void leave_target();
  // With the volume suspended for a moment, so that no write is on its way: as BulkCopy::recheck(),
  // of a few MiB. Throws, and nothing is known, if the sides are not mirrored then, or the volume
  // does not come to rest.
  bool recheck_held(std::vector<io::Extent>& suspects, io::Differences& found);
  // Of a volume that can be pivoted: it and what stands on it are to pass flushes to the target.
  // "" or who would swallow them, and what to do, in one line. At any time, the target live or not.
  std::string let_flushes_through();
  // Throws EIO unless the mirror holds both sides equal now.
  void require_equal();
  // Throws Error, and everything is dirty and tracked, if somebody else has written to the target.
  // A volume that is never at rest is suspended for a moment.
  void require_untouched();
  // For the state file: the disk that the kernel has, by a path that leads to it. Throws Error if
  // there is none.
  using TargetName = std::pair<std::string, io::DiskIdentity>;
  TargetName name_target() const;
  // The same, if `path` does not lead there.
  std::optional<TargetName> name_other_than(const std::string& path) const;
  // Throws Error unless the path that the user gave leads to that disk.
  void require_at_path() const { target_.require_at_path(); }
  // After a step that has failed, release_held_writes() or fail_held_writes(): learns whether the
  // mirror was left, and if not, sees to it that it can be. Where writes failed they are tracked
  // again.
  void read_mode_back();
  // While both sides are equal and a pivot is decided, they must stay so even if this process dies:
  // the guardian is to leave the mirror alone.
  void keep_equal(bool equal);

  // False if the volume, which this has tracked or mirrored, no longer has our table. Unknown is
  // true. Thread: the watch.
  bool stands() noexcept;
  // What the volume is called by then. Thread: the watch.
  std::string volume_name() const { return watched_->volume(); }
  // The same, for sure: "" or how it was lost. On the worker.
  std::string why_replaced();
  // The status of wr; nullopt if it is not a mirror now. Thread: any.
  std::optional<dm::MirrorStatus> mirror_status();
  // If wr is a tracker that fails good writes since its base has refused one: it no longer does.
  // False also if a step of the worker is just changing wr: look again soon. Thread: any.
  bool renew_tracker();
  // While another thread is in end_together() and the target has failed: lets the writes go that it
  // waits for. Thread: any.
  void release_held_writes();
  // The same, where they may not be let go: they fail, as all later writes, until read_mode_back().
  // No effect unless the target of a mirror has failed. Thread: any.
  void fail_held_writes();

  struct Ending {
    LiveCopy* copy = nullptr;
    // kPivot: the volume lives on the target from now on. kKeep: it has its own table again, the
    // target is a consistent copy of that instant.
    dm::CopyStack::End end = dm::CopyStack::End::kPivot;
    bool done = false;  // also of one that ended although end_together() threw
    bool known = true;  // false: it could not be found out whether it is done
    // passed: all was as it must be when the volumes were suspended.
    void look(bool passed) noexcept;
  };
  // Ends copies in one moment. Throws, and nothing is changed, if the sides of one of them were not
  // equal when its last write had ended; a copy that is done nevertheless is told by Ending::done.
  // Thread: the worker of one of them, while those of the others are idle.
  // `inside` is called with all volumes suspended and all sides equal; if it throws, none has
  // ended.
  static void end_together(std::span<Ending> endings, const std::function<void()>& inside);
  // The volume has its own table again, at any time; the target is garbage. Takes away half-built
  // stacks, too.
  void withdraw();
  // Its writes are on the disk, not in a cache. At any time after end_together().
  void flush_target() { target_.flush(); }
  // For the error map: the target is what the volume was at its end.
  void note_success();
  // Takes away what is left after end_together().
  void remove();
  // Opens the target anew (it was away), and tracks again if that had ended. Its error if it is
  // still away, or if another disk is in its place.
  std::optional<io::CopyError> reopen_target();
  // For the job's record: TargetAccount::noted().
  const std::string& target_account() const { return target_.account(); }
  // Why all was copied once more, for people; "" if it was not.
  const std::string& copied_anew() const { return copied_anew_; }
  // Why the target is away, for people; "" if it is not.
  const std::string& target_fault() const { return target_.fault(); }
  // Lets go of a target that cannot even be read, so that it can be removed. One that can be
  // remains ours: nobody else may use it.
  void release_dead_target();

 private:
  dm::CopyStackSpec make_spec() const;
  void make_stack();
  void open_scratch_device(bool create);
  void distrust_target();
  bool is_target_ours();
  void bring_to_rest(const std::function<void()>& look);
  void open_bulk(bool with_target);
  bool logs_in_target() const { return plan_.scratch.kind == ScratchPlace::Kind::kTail; }
  static int next_slot(int slot) { return (slot + 1) % store::kLogSlots; }
  bool log_has_failed() noexcept;
  bool can_be_put_off(const std::system_error& error);
  // To be called with the error in flight, which is thrown on if it is not the target's.
  std::optional<io::CopyError> blame_target(const std::system_error& error);
  std::optional<io::CopyError> do_hand_over();
  std::optional<io::CopyError> switch_to_mirroring(int from, int to);
  void make_scratch();
  Adopted do_adopt();
  Adopted start_over();
  void prepare_log(int slot, bool in_sync);
  void merge_log(int slot);
  void take_fresh_log(const std::function<void()>& inside);
  void switch_to_tracking(dm::SuspendMode mode, const std::function<void()>& inside = [] {});
  void collect_marks(int log, bool marks_missing);
  void ensure_way_back();
  void watch_way_back();
  void write_mirror_log(int from, int to);
  void drop_scratch();

  dm::Control& control_;
  dm::Ledger& ledger_;
  const core::Clock& clock_;
  io::CopyControl& copy_control_;
  const std::string job_id_;
  const CopyPlan& plan_;
  ErrorMapFile& error_map_;
  TargetDisk target_;
  std::string copied_anew_;
  std::string put_off_;
  std::unique_ptr<dm::CopyStack> stack_;
  std::unique_ptr<dm::CopyStack> watched_;  // the same, for other threads; made once
  std::mutex tables_;                       // held while a tracker's wr is changed
  OpenScratch scratch_device_;
  std::optional<store::Scratch> scratch_;
  std::unique_ptr<BulkCopy> bulk_;
  dm::WriteMode::Kind mode_ = dm::WriteMode::Kind::kPassing;
  int log_ = 0;                 // the one in use
  bool is_kept_equal_ = false;  // keep_equal()
};

}  // namespace dmjob::drivers

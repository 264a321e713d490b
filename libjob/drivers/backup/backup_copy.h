// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The data path of a backup of a volume in use: the dm stack that keeps the instant, the room for
// what is written over meanwhile, and the bulk copy from the snapshot to the target. After the
// death of the process all goes on from the last checkpoint, while the stack is there; after a
// reboot the instant is gone.
//
// Thread: the job's worker, all but look(). The caller holds the volume's modify slot for what
// changes the stack. Errors: std::system_error and core::Error; after each the volume is usable,
// with its data.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dm/topology/backup_stack.h"
#include "libjob/drivers/backup/tracked_part.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/drivers/plan/scratch_io.h"
#include "libjob/drivers/transfer/bulk_copy.h"
#include "libjob/drivers/transfer/target_disk.h"
#include "libjob/store/cow_space.h"
#include "threads/mutex.h"

namespace dmjob::drivers {

class BackupCopy {
 public:
  // All outlive this.
  BackupCopy(Environment& environment, io::CopyControl& control, const std::string& job_id,
             const CopyPlan& plan, const store::CowPlace& cow, ErrorMapFile& error_map,
             TrackedPart tracked);
  ~BackupCopy();

  // Nobody else has the target from here on, and nobody has written to that of a chain since its
  // last backup. Nothing is written to it but that a file is made.
  void take_target();
  // All else that can be made before the instant: scratch, devices. The volume is untouched.
  void build();
  // The instant, for all. If it cannot be, it is for none.
  static void take_instant(std::span<BackupCopy* const> copies);
  // Takes up what an earlier process left. False: the instant is gone. The target may be away.
  bool adopt();

  bool is_open() const { return bulk_ != nullptr; }
  // Precondition: is_open().
  BulkCopy& bulk() { return *bulk_; }
  bool has_target() const { return bulk_->target(); }
  // Opens the target anew. Its error if it is still away, or if another disk is in its place.
  std::optional<io::CopyError> reopen_target();
  // At the end: true if the target is the one at its path, and nobody else has written to it; else
  // all is dirty. Throws Error if another disk is at the path.
  bool is_target_ours();
  // Throws Error if the target, a file, is not at its path any more, or was cut.
  void require_target_file() const { target_.require_file_at_path(); }
  // For the job's record: TargetDisk::file().
  const std::string& target_file() const { return target_.file(); }
  // For the job's record: TargetAccount::noted().
  const std::string& target_account() const { return target_.account(); }
  // Why all was copied once more, for people; "" if it was not.
  const std::string& copied_anew() const { return copied_anew_; }
  // Lets go of a target that cannot even be read, so that it can be removed.
  void release_dead_target();
  const std::string& target_fault() const { return target_.fault(); }
  TrackedPart& tracked() { return tracked_; }
  // As of TrackedPart. Precondition: is_open().
  std::string find_untracked_change();

  // The volume has its own table again, at any time; nothing of ours is left.
  void withdraw();
  // Of the target of a link of a chain, after our last write to it. "" if it was not locked all the
  // time since build(), or nothing was built.
  const std::string& target_mark() const { return target_mark_; }

  struct Room {
    std::uint64_t used = 0;  // bytes, of what is written over
    std::uint64_t size = 0;  // bytes that there can be
    bool can_grow = true;    // as far as `size`
    std::string volume;      // what it is called by now
    std::string lost;        // why the instant is lost, or its volume; "" if neither is
  };
  // Reserves room ahead of its use. After the instant. Thread: any, but not beside withdraw().
  Room look();
  // Throws Error if the instant is lost. The kernel makes a snapshot invalid before it lets the
  // write through that the snapshot could not keep up with; a read that had begun by then may be of
  // after it, and has no error. While the snapshot is valid, all that was read until then is of the
  // instant. Thread: as look().
  void require_instant();

 private:
  void note_target_mark() noexcept;
  dm::BackupStackSpec make_spec() const;
  void open_scratch_device(bool create);
  void open_bulk(bool with_target);
  void believe_no_more();
  void bring_to_rest(const std::function<void()>& look);
  void sync_file_systems() const;
  void reserve_ahead(Room& room);
  std::string why_lost(const Room& room) const;
  std::string why_replaced() DMJOB_REQUIRES(poll_mutex_);

  Environment& environment_;
  io::CopyControl& control_;
  const std::string job_id_;
  const CopyPlan& plan_;
  const store::CowPlace cow_place_;
  ErrorMapFile& error_map_;
  TrackedPart tracked_;
  TargetDisk target_;
  bool guarded_ = false;  // a chain's target, since build()
  std::string target_mark_;
  std::string copied_anew_;
  std::optional<store::CowSpace> cow_;
  std::unique_ptr<dm::BackupStack> stack_;
  OpenScratch scratch_device_;
  std::optional<store::Scratch> scratch_;
  std::unique_ptr<BulkCopy> bulk_;

  threads::Mutex poll_mutex_;
  Room room_ DMJOB_GUARDED_BY(poll_mutex_);  // at the last poll
  dm::BackupStack watched_;                  // the names of stack_, for look()
};

}  // namespace dmjob::drivers

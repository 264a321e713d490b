// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The tracker of a volume that has a chain of incremental backups: a CopyStack that only tracks,
// for the life of the volume, and the scratch in which it marks. What has changed is
//
//   what the checkpoint names: before the last backup's instant, and not on its target yet
//   + what the three logs name: since then
//
// so that a backup that ends well empties the checkpoint, and nothing that came after its instant
// is in there. A log of the three is in use, one holds what logs that were in use before it have
// marked, one is free. The checkpoint changes at a backup's instant, at its end, and at a boot.
//
// The inner devices are named by an id that no job can have. An object knows nothing but what is on
// scratch and in the kernel, and is made for a step.
//
// Thread: a worker; may block. The caller holds the volume's modify slot. Errors:
// std::system_error; after one the volume is usable, with its data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dm/control.h"
#include "dm/suspend_guard.h"
#include "dm/topology/copy_stack.h"
#include "libjob/io/dirty_bitmap.h"
#include "libjob/store/open_scratch.h"
#include "libjob/store/scratch.h"
#include "libjob/volumes/volume.h"

namespace dmjob::volumes {

class Tracker {
 public:
  // "_NAME", in the place of a job's id.
  static std::string id_of(const std::string& volume) { return "_" + volume; }
  // What a scratch must have.
  static std::uint64_t scratch_bytes(std::uint64_t volume_bytes, std::uint64_t granularity);

  enum class How { kOpen, kMake /* a new one: all is changed */ };
  // Precondition: the volume has a Tracking.
  Tracker(dm::Control& control, dm::Ledger& ledger, ManagedVolume volume, How how);

  // The live volume's writes are marked when it returns.
  void begin();
  // After the death of an earlier process, of a volume that is there: repairs what that has left.
  // False if the volume's writes have not been marked.
  bool take_up();
  // Makes the volume, after a boot: no write of it is missed.
  void activate();

  // To another log: after a write error of its disk a tracker refuses later writes. Throws if the
  // log in use has failed.
  void rotate();

  // --- for a backup ---

  // The device on which the volume's own table is.
  static std::string base_of(const std::string& volume);
  // What is switched with the instant: the volume is suspended, its tracker gets another log.
  std::vector<dm::TableSwitch> rotation();
  // Within that suspension: one status and nothing else. Throws if the log in use has failed: then
  // marks are missing.
  void check_log();
  // After that instant: what the logs have marked before it joins the checkpoint. Returns the
  // checkpoint's number.
  std::uint64_t collect();
  // The checkpoint.
  io::DirtyBitmap to_copy() { return scratch_->load_checkpoint(); }
  // The target has everything but `left`, unless the checkpoint is no longer that one.
  void forget(std::uint64_t checkpoint, const io::DirtyBitmap& left);
  // For a chain that begins anew.
  void mark_all();

  // All that has changed since the last backup's instant, and what that could not copy.
  io::DirtyBitmap changed();

 private:
  int live_log();
  int free_a_log();
  void add_log(int slot, io::DirtyBitmap& to);
  void write_log(int slot, const io::DirtyBitmap& marks);
  std::uint64_t merge_logs(std::optional<int> but);

  const ManagedVolume volume_;
  const std::uint64_t regions_;
  store::OpenScratch device_;
  std::optional<store::Scratch> scratch_;
  dm::CopyStack stack_;
};

// The stack of a volume's tracker, for what needs no disk of it. Precondition: it has a Tracking.
dm::CopyStack stack_of_tracker(dm::Control& control, dm::Ledger& ledger,
                               const ManagedVolume& volume);

// What the kernel tells of a tracker; needs no disk. Thread: any.
struct TrackerState {
  bool there = false;
  bool replaced = false;     // the volume has another table, by another program
  bool log_failed = false;   // marks are missing
  bool writes_fail = false;  // rotate() ends it
  std::uint64_t marked = 0;  // regions, by the log in use
};
TrackerState look_at_tracker(dm::Control& control, const std::string& volume);
// The same, and whether the volume is on it. stack: stack_of_tracker(), one for each thread.
TrackerState look_at_tracker(dm::Control& control, const std::string& volume, dm::CopyStack& stack);

// A tracker that misses marks marks no more, and its failure is not the volume's. No effect if it
// is not there.
void stop_marking(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume);

// The volume has its own table again, if it is there; nothing of the tracker is left. Also of one
// that is half made or half gone.
void end_tracking(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume);

}  // namespace dmjob::volumes

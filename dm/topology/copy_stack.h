// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The devices under a volume that is being copied, and every change that may be made to them:
//
//             reads ------------------------------> base (the volume's own table)
//   volume = bypass                                   ^
//             writes -> wr = mirror(log n, base, X) --+--> X = err  while tracking
//                                                          X = tgt  while mirroring
//
// tgt is over the whole target and holds it in every state of the job (held_disk.h); it is there
// before the rest. A stack that only tracks has none.
//
// err fails whatever comes to it and takes no discards, so neither do wr and the volume: a discard
// would pass the log by.
//
// Order of calls:
//   HeldDisk::take  build (track|preload_mirror|...)  then  interpose  then any of  {preload_*,
//   switch_writes} and at last  withdraw (the volume's own table again)  or  end_together +
//   remove_inner, and then HeldDisk::remove.
// build() leaves the volume untouched; everything before interpose() can be undone by
// remove_inner() alone.
//
// Thread: the job's worker, all calls but release_held_writes() and fail_held_writes(); each may
// block. Errors: std::system_error; after an error the volume is not suspended and its last live
// table is in force. What a failed build() made is gone. The class keeps no state but some
// device numbers: what is live is read from the kernel each time.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dm/control.h"
#include "dm/step.h"
#include "dm/suspend_guard.h"
#include "dm/topology/inner_devices.h"
#include "dm/topology/table_switch.h"
#include "dm/topology/volume_table.h"

namespace dmjob::dm {

inline constexpr int kLogs = 3;

struct CopyStackSpec {
  std::string job;     // the job's id, part of the inner names
  std::string uuid;    // the job's uuid, part of the inner UUIDs
  std::string volume;  // dm name
  bool has_target = false;
  dev_t target = 0;                               // where there is no tgt to tell
  std::uint64_t region = 0;                       // sectors
  dev_t scratch = 0;                              // 0: the logs are on the target
  std::array<std::uint64_t, kLogs> log_offset{};  // sectors on scratch
  std::uint64_t log_length = 0;                   // sectors
};

// What wr does, and with which log.
struct WriteMode {
  // kPassing: linear to base, marks nothing. kFailing: every write fails.
  enum class Kind { kTracking, kMirroring, kPassing, kFailing };
  Kind kind = Kind::kTracking;
  int log = 0;
  bool operator==(const WriteMode&) const = default;
};

class CopyStack {
 public:
  CopyStack(Control& control, Ledger& ledger, CopyStackSpec spec);

  // Creates log0..2, base (a copy of the volume's live table), err and wr, tracking on log
  // `first_log`, which the caller has written all in sync. Leftovers of the same job are removed
  // first, but tgt. Refuses a volume that is suspended (EBUSY), read-only (EROFS), empty (EINVAL),
  // has a table loaded by somebody else (EBUSY), stands on the target (EINVAL) or has a target that
  // must not be active twice, e.g. raid or cache (EOPNOTSUPP).
  void build(int first_log);
  // As build() and interpose() for a volume that is not there yet, so that no write of it is
  // missed: makes the inner devices, base with the table given, then the volume. EEXIST if it is
  // there.
  void build_with_volume(NewDevice volume, int first_log);
  // The volume's reads go to base and its writes to wr from here on. ESTALE if its table is no
  // longer the one that build() saw.
  void interpose();

  // Loads wr's next table. The mirror's log is read by the kernel at resume only, so what it must
  // say can be written later, while wr is suspended. A tracker loaded while wr mirrors is
  // different: from then on the ledger watches the mirror, and whoever inherits it may switch at
  // any time, so that tracker's log must be on disk, all in sync, before.
  void preload(WriteMode next);
  // What is loaded; nullopt if nothing is, or nothing of ours.
  std::optional<WriteMode> preloaded();
  // Suspends wr, calls `inside` (direct I/O only), resumes with the preloaded table. If `inside`
  // throws, the old table is resumed, the preloaded one dropped and the error passed on.
  // A mirror must be left with kNoFlush if a side has failed; kFlush otherwise.
  void switch_writes(SuspendMode mode, const std::function<void()>& inside);

  // To another log within somebody else's suspension: the volume, frozen, keeps its table, and wr
  // tracks on `log`, which the caller has written all in sync. Precondition: wr tracks.
  std::vector<TableSwitch> rotation(int log);

  // Puts the volume's own table back and removes all inner devices, so that nothing is promised of
  // the target. Also takes away what is left of a half-built or half-removed stack.
  //   kFlush    wr stays as it is until the volume is suspended. Like kNoFlush if a side of the
  //             mirror has failed already.
  //   kNoFlush  force: first wr becomes linear to base, so that writes held by a failed mirror are
  //             queued again to base; then as kFlush.
  // If somebody else has replaced the volume's table (lvchange --refresh), it is left alone: the
  // inner devices are removed and TableReplaced is thrown. Precondition: not kFreeze.
  void withdraw(SuspendMode mode);

  // How a copy ends, with its volume suspended and both sides equal:
  //   kPivot  the volume is linear on the disk that tgt holds.
  //   kKeep   the volume has its own table, and the target is a consistent copy of that instant:
  //           file systems were frozen.
  // The inner devices stay: remove_inner().
  enum class End { kPivot, kKeep };
  struct Ending {
    CopyStack* stack = nullptr;
    End end = End::kPivot;
  };
  // Several copies end in one moment: loads their tables, suspends all their volumes at the same
  // time, calls `inside`, resumes. ETIMEDOUT if they do not come to rest within 5 s, so that one
  // target that hangs holds no other volume; EIO, and nothing changed, if a wr is not a mirror in
  // sync once all writes have ended; ESTALE if a volume is not interposed. If one of them cannot
  // end or `inside` throws, none has ended. Should this process die, the volumes go on with their
  // old tables until `inside` has returned, with the new ones afterwards. One exception: if at last
  // the kernel does not take a table that it had loaded, the others have ended; has_ended() tells.
  // The volumes must not stand on one another, nor a target or scratch on one of the volumes.
  // Suspended in the order given: a file system that is frozen before the disk of its journal.
  static void end_together(std::span<const Ending> endings, const std::function<void()>& inside);
  // The volume has the table of that end. Of kKeep that is its own, which its owner may have given
  // it as well (lvchange --refresh).
  bool has_ended(End end);
  // wr is still the mirror in sync that end_together() leaves: a volume with its own table that was
  // on it holds what the target holds.
  bool is_left_equal();

  // Throws TableReplaced unless the volume has our table. Thread: one at a time, which may be
  // another than that of the other calls.
  void require_standing();
  // The volume's name by now: one that was renamed is followed. As of the last look.
  const std::string& volume() const { return volume_.name(); }

  // Suspends the volume, so that no write is on its way to either side, calls `inside` (direct I/O
  // only), and resumes it as it was. EIO if wr is not a mirror in sync then; ETIMEDOUT, and the
  // volume runs on, if its I/O does not come to rest within 2 s.
  void hold(const std::function<void()>& inside);

  // For another thread while end_together(), hold(), withdraw() or a switch waits for a volume to
  // be suspended: if the target fails then, the mirror holds the writes that are waited for. Sends
  // them through the preloaded tracker (EINVAL if there is none); the waiting call then ends, with
  // EIO where it needs the target.
  void release_held_writes();

  // The same, where held writes may go nowhere: they fail, and so do later ones, until wr gets
  // another table by preload() and switch_writes(). No effect unless wr is a mirror to keep equal
  // of which a side has failed.
  void fail_held_writes();

  // For another thread than the one of the other calls, which makes sure that none of those that
  // change wr is under way: if wr is a tracker that fails good writes by now, it has its table
  // anew, and true is returned.
  bool renew_tracker();

  // Removes the inner devices that nobody uses any more, but tgt, which HeldDisk::remove() takes
  // away; idempotent. Throws if one is still open.
  void remove_inner();

  // wr's status text, for parse_mirror_status(). nullopt if wr is not a mirror at this time.
  std::optional<std::string> mirror_status_text();

  dev_t base() const { return base_; }  // for reading; 0 before build() or a find() that found it

  // Reading a live stack back. What there is of this job in the kernel:
  struct Found {
    bool tgt = false;
    bool base = false;
    bool wr = false;
    std::optional<WriteMode> writes;  // from wr's live table, if it is one of ours
    enum class Volume { kMissing, kInterposed, kOnTarget, kOther } volume = Volume::kMissing;
    // The volume is suspended. After take_up(): by another program, so it was left so.
    bool volume_suspended = false;
  };
  // Nothing but a look: every table stays, loaded ones too. A device with one of our names but
  // another UUID is an error (EEXIST).
  Found find();
  // For a stack that a dead process has left, before anything else is done with it: resumes
  // whatever of it is suspended, dropping inactive tables, then as find(). The volume belongs to it
  // if its live or its inactive table is one of ours.
  Found take_up();

 private:
  using Inside = std::function<void()>;

  std::string wr() const { return inner_.name("wr"); }

  Table own_table();
  Plan build_plan(const Table& own, int first_log) const;

  using Devices = InnerDevices::Numbers;
  Devices devices();  // and notes the numbers below
  Table table_for(WriteMode mode, const Devices& found, std::uint64_t length) const;
  std::optional<WriteMode> writes_of(const Table& table, const Devices& found) const;
  bool is_ours(const Table& volume_table, const Devices& found) const;
  static bool is_bypass(const Table& volume_table, const Devices& found);
  // Follows the volume to its name of now.
  Found::Volume volume_state(const Devices& found);
  bool has_own_table(const Devices& found);
  // The volume's table, which is ours.
  Table require_interposed(const Devices& found);

  // Throws EIO unless wr mirrors to the target and is in sync. Allowed with the volume suspended.
  void require_in_sync();
  TableSwitch end_switch(End end);
  bool side_failed();
  // load, suspend, inside, resume; an error leaves the old table live and no inactive one.
  void swap(const std::string& name, const Table& table, SuspendMode mode, const Inside& inside,
            const Table& from = {});
  void pass_writes();
  void put_own_table_back(SuspendMode mode);

  Control& control_;
  Ledger& ledger_;
  const CopyStackSpec spec_;
  const InnerDevices inner_;
  StandingVolume volume_;
  dev_t base_ = 0;
  dev_t tgt_ = 0;
  dev_t target_;  // that tgt holds
};

}  // namespace dmjob::dm

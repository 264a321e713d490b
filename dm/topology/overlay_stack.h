// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A volume whose writes go to a cow, over an origin that stays as it is:
//
//   volume = snapshot(origin, cow)          origin is only read
//          = snapshot-merge(origin, cow)    while the kernel moves what is in the cow into origin
//          = linear(disk)                   once nothing is left in the cow
//
//   cow = [ linear | delay for ever ]
//         0        boundary        length
//
// Where the disk of the cow is to be the volume's one day (a stream goes there), it is held as a
// job's target is, by the device `vdisk` below the cow, so that what others write to it shows.
//
// What is in the cow is nowhere else, so it must not become full. Writes to its end wait, in the
// kernel, until the boundary is moved: no daemon has to be quick, or alive. (Reads and flushes pass
// at once, and a suspension lets go what waits.) What waits has its place in the cow already: the
// kernel lets a bounded number of chunks be on their way, and margin() is more than these, so that
// everything that waits has room when it is let go.
//
// While the volume merges nothing new comes into the cow, and its end must not wait: no boundary.
//
// A table beside a live one on the same origin is handed over what that has in memory, where a
// merge that failed leaves a state in which the kernel must not add exceptions. So each next table
// stands on the origin under another number than the one before, itself or a hidden device that is
// nothing but it, and reads what is on disk.
//
// Each step replaces a table of its own only. TableReplaced, or EBUSY where somebody else has
// loaded a table for the volume: that is left, and the step was not made.
//
// Thread: a worker; each call may block. Errors: std::system_error; after an error the volume is
// not suspended. The class keeps no state: what is live is read from the kernel each time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "dm/control.h"
#include "dm/status.h"
#include "dm/suspend_guard.h"
#include "dm/targets.h"
#include "dm/topology/held_disk.h"

namespace dmjob::dm {

// Sectors of 512 bytes, all of them.
struct OverlaySpec {
  std::string volume;  // dm name
  std::string uuid;    // the volume's own, 32 hex digits
  std::uint64_t length = 0;
  dev_t cow_disk = 0;
  std::uint64_t cow_offset = 0;
  std::uint64_t cow_length = 0;
  // Sectors of all of cow_disk, if a device of its own is to hold it below the cow; 0: none is.
  std::uint64_t cow_disk_length = 0;
  std::uint64_t chunk = 0;
};

class OverlayStack {
 public:
  // What the kernel may write behind the boundary, at most, once it lets go what waits.
  static std::uint64_t margin(std::uint64_t chunk);
  // What may wait there before that, at most.
  static std::uint64_t most_waiting(std::uint64_t chunk);
  // The hidden device that the exceptions are in.
  static std::string cow_name(const std::string& volume);
  static std::string cow_uuid(const std::string& uuid);
  // What holds the disk that the cow is on; it does so from make_cow() to remove_cow().
  static HeldDisk holder_of_cow(Control& control, Ledger& ledger, const std::string& volume,
                                const std::string& uuid);
  // True for the name of a hidden device of that volume.
  static bool is_part(const std::string& name, const std::string& volume);

  OverlayStack(Control& control, Ledger& ledger, OverlaySpec spec);

  enum class Kind { kNone /* no device */, kOther, kLinear, kHolding, kMerging, kFailing };
  struct State {
    Kind kind = Kind::kNone;
    std::uint64_t boundary = 0;  // of the cow; its length: nothing waits
    SnapshotStatus status;       // of a volume that holds or merges

    // Writes wait: the next exceptions lie behind the boundary.
    bool held() const;
  };
  // Never waits for I/O.
  State look() const;
  // The disk that the volume stands on now; 0 if there is no volume, or no such disk.
  dev_t origin() const;

  // What the cow's device is on, as the kernel has it; 0 if it has no such device.
  dev_t cow_disk() const;

  // Makes the cow's device, if it is missing. What is in it is not touched.
  void make_cow(std::uint64_t boundary);
  void remove_cow();
  // Makes the volume itself, after a boot.
  void make_volume(Kind kind, dev_t origin);

  // From here on what is written to the volume goes to the cow, which is empty: one instant, with a
  // mounted file system frozen. Precondition: the volume is linear(origin).
  void hold(dev_t origin);
  // More room; lets go what waits.
  void move_boundary(std::uint64_t boundary);
  // Called with the volume suspended, before the table is loaded that is to read the cow: throws if
  // that must not be. Direct I/O only.
  using Proof = std::function<void()>;
  // `origin` is the disk that is to take what is in the cow: the one that the volume stands on, or
  // a copy of it. The proof: that the cow is not marked invalid. The kernel would pass all I/O to
  // the origin then, and later merge old chunks over it.
  void begin_merge(dev_t origin, const Proof& proof);
  // The merge stops, writes go to the cow again. Precondition: margin() is free in it.
  void pause_merge(dev_t origin, std::uint64_t boundary, const Proof& proof);
  // After the kernel has given up the cow, and somebody has mended it: the exceptions are read
  // anew, and the volume holds. In between it fails its I/O, as it does already: a new table beside
  // the old one would be handed over what that knows, its failure included.
  void renew(dev_t origin);
  // All I/O fails from now on, whatever the volume was.
  void fail();
  // Precondition: merged, nothing is left in the cow.
  void end(dev_t disk);

 private:
  DeviceWord cow() const;
  HeldDisk holder() const;
  void find_below_cow();
  DeviceWord other_number(dev_t origin);
  void remove_origin();
  Table own_table(const Table& next) const;
  void require_live(const Table& next) const;
  Table table_of(Kind kind, const DeviceWord& origin) const;
  Table cow_table(std::uint64_t boundary) const;
  void switch_cow(std::uint64_t boundary);
  void swap(const Table& next, SuspendMode mode);
  void with_writes_let_go(const std::function<void()>& call);
  void load_within(const Table& next, SuspendGuard& guard);

  Control& control_;
  Ledger& ledger_;
  const OverlaySpec spec_;
  dev_t below_cow_;  // what is right below it
};

}  // namespace dmjob::dm

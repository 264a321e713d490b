// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A volume's overlay at work: its disks, the space of its cow, and the steps of the kernel. The
// state file is written by the caller, before each step (overlay.h).
//
// The cow on a disk begins with a block that names the volume (store/superblock.h), so that a boot
// does not take another disk for it; a file has its name.
//
// Thread: a worker; may block. Errors: core::Error for the user, std::system_error.
#pragma once

#include <cstdint>
#include <string>

#include "dm/control.h"
#include "dm/suspend_guard.h"
#include "dm/topology/overlay_stack.h"
#include "libjob/core/error.h"
#include "libjob/io/units.h"
#include "libjob/store/cow_space.h"
#include "libjob/volumes/volume.h"

namespace dmjob::volumes {

// A merge went on over a cow that the kernel had given up: only by hand, or by a dmjobd of old.
class MixedUp : public core::Error {
 public:
  explicit MixedUp(const ManagedVolume& volume);
};

class OverlayDevice {
 public:
  // What precedes the cow on a disk. Bytes.
  static constexpr std::uint64_t kMarkBytes = 4096;
  // The least that a cow needs for such a chunk. Bytes.
  static std::uint64_t least_bytes(std::uint64_t chunk);

  // Opens origin and cow, which must be the disks that they were. make: the cow is made, empty.
  // Precondition: the volume has an overlay.
  OverlayDevice(dm::Control& control, dm::Ledger& ledger, ManagedVolume volume, bool make = false);

  // The kernel's devices of this stage, after a boot or a restart; those that are there stay, also
  // a table of somebody else's. False: the volume does not hold anything yet, its snapshot was cut
  // off before it began.
  bool activate();
  // The volume, live on its origin, begins to hold.
  void hold();

  struct Room {
    dm::OverlayStack::State state;
    bool can_grow = false;  // with what is known of the space
  };
  // Gives the cow more room if it is nearly full, and lets go what waits for that. Not while it
  // merges.
  Room make_room();

  // The kernel has given up the cow because of an error, and marked it so. What it has noted in
  // there is whole, since it notes a write only when all of it is there: if the disk works again,
  // the mark is taken back, and the volume holds. Not if it has merged meanwhile: then its disk was
  // written to beside the cow, nobody knows where, and the volume fails from then on.
  void mend();

  // Throws dm::CannotFollow if begin_merge() would, before anything is decided for it.
  void check_merge();

  // Throws, with the volume as it was, if the kernel has given up the cow: mend() it first.
  void begin_merge();
  // False: what is in the cow still needs nearly all of it, and a write more might find no room.
  bool pause_merge();

 private:
  void make_mark() const;
  void check_mark() const;
  void ready_header(bool merging) const;
  [[noreturn]] void leave_mixed(store::CowHeader& header);
  bool has_begun() const;
  bool reserve_first();
  // Sectors.
  std::uint64_t length() const { return space_.bytes() / io::kSector; }
  std::uint64_t boundary_of(std::uint64_t reserved_bytes) const;
  // Sectors, all of them.
  bool grow_beyond(std::uint64_t boundary);
  bool has_room(std::uint64_t used) const;
  bool has_room_to_let_go();

  dm::Control& control_;
  const ManagedVolume volume_;
  dev_t origin_ = 0;
  store::CowSpace space_;
  dm::OverlayStack stack_;
};

// The disk that the volume stands on in the kernel; 0 if it is not active.
dev_t origin_of(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume);
// What the kernel has of a volume; cheap, and needs no disk.
dm::OverlayStack::State look_at(dm::Control& control, dm::Ledger& ledger,
                                const ManagedVolume& volume);
// What is wrong, and what to do, if the file of its scratch is not at its path any more while the
// kernel has it; else "".
std::string fault_of_scratch_file(dm::Control& control, dm::Ledger& ledger,
                                  const ManagedVolume& volume);
// What is to be known and done about one whose table was replaced (Overlay::replaced).
std::string replaced_in_words(const ManagedVolume& volume);
// True if the kernel has another table than one that holds or merges.
bool is_replaced(const dm::OverlayStack::State& state);
// Throws if its table was replaced, by its record or by the kernel's table.
void require_not_replaced(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume);
// True if the kernel has given up its cow.
bool is_given_up(const dm::OverlayStack::State& state);
// True if make_room() has something to do.
bool is_nearly_full(const dm::OverlayStack::State& state);
// The stage kDiscarding: the volume becomes its disk alone, and the cow is taken away, as far as it
// is still there. Precondition: the cow holds nothing, or what it holds is not wanted and the
// volume's device is not there.
void discard_overlay(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume);

// After a failure to begin: takes the cow away. EBUSY if the volume uses it all the same.
void forget_cow(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume);

}  // namespace dmjob::volumes

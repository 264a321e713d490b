// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The devices that keep an instant of a volume in use:
//
//   volume = snapshot-origin base (the volume's own table)
//                              ^
//   snap   = snapshot of ------'  with what is written over in cow (a part of the scratch)
//
// Order of calls:   build   interpose   withdraw
// build() leaves the volume untouched, with snap live already: while the volume has its own table,
// nothing is written through base, so snap is the volume, whatever it is by then. The instant is
// the suspension in which the volume's table becomes snapshot-origin: nothing else happens in it,
// and for several volumes it is one.
//
// If cow fails or is full, the kernel makes the snapshot invalid and the volume's writes go on. A
// cow that hangs holds them. While interposed the volume takes no discards.
//
// Thread: the job's worker, all calls but status(); each may block. Errors: std::system_error;
// after an error the volume is not suspended and its last live table is in force. What a failed
// build() made is gone. What is live is read from the kernel each time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "dm/control.h"
#include "dm/status.h"
#include "dm/suspend_guard.h"
#include "dm/topology/inner_devices.h"
#include "dm/topology/table_switch.h"
#include "dm/topology/volume_table.h"

namespace dmjob::dm {

struct BackupStackSpec {
  std::string job;     // the job's id, part of the inner names
  std::string uuid;    // the job's uuid, part of the inner UUIDs
  std::string volume;  // dm name
  dev_t scratch = 0;
  std::uint64_t cow_offset = 0;  // sectors on scratch, where the first one must be all zeroes
  std::uint64_t cow_length = 0;  // sectors
  std::uint64_t chunk = 0;       // sectors that are kept when one of them is written over
};

class BackupStack {
 public:
  BackupStack(Control& control, Ledger& ledger, BackupStackSpec spec);

  // Creates cow, base and snap. Leftovers of the same job are removed first. Refuses a volume as
  // checked_volume_table() does, and one that stands on the scratch (EINVAL).
  void build();
  // The instant, for all: their volumes, with file systems frozen, are suspended together
  // (switch_tables()). If one cannot be, none has the snapshot-origin. TableReplaced if the table
  // of one is no longer what build() saw. `above`: of devices that stand on these volumes, switched
  // in the same suspension; first in it. `inside`: as of switch_tables().
  static void interpose(
      std::span<BackupStack* const> stacks, std::vector<TableSwitch> above = {},
      const std::function<void()>& inside = [] {});
  // With the volume suspended for a moment, so that nothing is on its way to cow: hold_device().
  void hold(const std::function<void()>& inside);
  // Puts the volume's own table back and removes all inner devices, also those of a half-built or
  // half-removed stack. If somebody else has replaced the volume's table, it is left alone: the
  // inner devices are removed and TableReplaced is thrown.
  void withdraw();

  // For a stack that a dead process has left, before anything else is done with it: resumes
  // whatever of it is suspended, dropping inactive tables, then tells whether snap still keeps the
  // instant. A device with one of our names but another UUID is an error (EEXIST).
  bool take_up();

  // The status of snap. Thread: any.
  SnapshotStatus status();
  // After interpose(): the volume's table, which is ours; else throws TableReplaced. Thread: one at
  // a time, which may be another than that of the other calls, on an object of its own.
  const Table& require_standing();
  // The volume's name by now: one that was renamed is followed. As of the last look.
  const std::string& volume() const { return volume_.name(); }
  // Its number, to be read.
  dev_t snapshot() const;

 private:
  Table own_table();
  Plan build_plan(const Table& own) const;
  Table base_table() { return control_.table(inner_.name("base")); }
  bool is_ours(const Table& volume_table, const InnerDevices::Numbers& found) const;
  bool is_interposed(const InnerDevices::Numbers& found);
  // Neither its own nor, as has been asked before, ours.
  bool has_foreign_table(const InnerDevices::Numbers& found);

  Control& control_;
  Ledger& ledger_;
  const BackupStackSpec spec_;
  const InnerDevices inner_;
  StandingVolume volume_;
};

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is whose: the disks and files that a job, a volume, or a request that is being served names.
// Whatever is named is taken, whether its volume is active or not, and by who the disk is, not by
// the path that led to it.
//
// Thread: values, any; the functions on a worker, they may block. Errors: core::Error for the user.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libjob/io/disk_identity.h"

namespace dmjob::drivers {

struct CheckContext;
struct Footprint;

struct Use {
  std::string role;            // "scratch", for messages
  std::string path;            // of a disk, or of a file, which may be yet to be made
  io::DiskIdentity disk = {};  // empty: a file, or not known
  bool live = false;           // a volume that is read while it is in use
  bool shared = false;         // only read, as by others
  bool waits = false;          // the writes to the holder's volume may wait for it
  bool receives = false;       // what the holder's source holds is written to it
};

// The superblock of a scratch (store/superblock.h).
struct Mark {
  std::string uuid;
  std::uint64_t offset = 0;  // bytes on its disk
};

struct Holding {
  std::string owner;   // "job 'j1'", "volume 'vol'"
  std::string volume;  // dm name; empty: none
  std::vector<Use> uses;
  std::vector<Mark> marks = {};
};

// Throws "SHOWN is in use by ..." if somebody else has it, or something on it or under it.
// but_volume: what that volume itself holds does not count.
void require_untaken(const CheckContext& context, const Use& use, const std::string& shown,
                     const std::string& but_volume = {});
// All that a job is to hold, and that no volume would wait for itself: not for another one whose
// writes wait, over however many jobs and overlays, for this.
void require_untaken(const CheckContext& context, const Footprint& footprint);
// The second part alone.
void require_no_circle(const CheckContext& context, const Holding& holding);

}  // namespace dmjob::drivers

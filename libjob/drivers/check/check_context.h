// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the checks before a job may look at, and what they leave for whoever makes the job.
// Thread: any (values), since checks run beside the reactor.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "dm/control.h"
#include "libjob/drivers/check/taken.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::drivers {

struct CheckContext {
  dm::Control* control = nullptr;  // null: no device-mapper
  std::map<std::string, volumes::ManagedVolume> volumes;
  std::vector<Holding> taken;  // by jobs, by volumes, and by what is being made
  std::string scratch_folder;
  std::string state_folder;
  std::string memory_folder;
};

// What a job is going to hold.
struct Footprint {
  std::string default_id;       // a name to make one of, if the user gave none
  std::string source;           // for messages
  std::string volume;           // dm name; empty: none is in use
  std::vector<Use> uses;        // what nobody else may use meanwhile
  std::vector<Mark> marks;      // that it leaves on them
  bool works_on_own = false;    // on what its volume itself holds
  dev_t volume_dev = 0;         // of the volume; 0: none
  std::vector<dev_t> disks;     // that it writes to, and its volume
  bool shares_instant = false;  // with the others of its transaction that do, however they end
};

// Jobs of one transaction, whose volumes are suspended at the same time: what one needs may not
// stand on the other's volume. Throws Error if it does. Thread: a worker.
void check_apart(const Footprint& one, const Footprint& other);

}  // namespace dmjob::drivers

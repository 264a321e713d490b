// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The text of udev's rules that tell which disks are hidden, and which links are a volume's. What
// hidden means is in udev/11-dmjob.rules, which reads what these set: DMJOB_HIDDEN.
//
// Disks are matched by who they are, as io::identify_disk() finds it in /sys, never by a kernel
// name: the rules are read before the first event of the next boot.
//
// Thread: a worker; may block (reads /sys).
#pragma once

#include <string>
#include <vector>

#include "libjob/volumes/hidden_disks.h"

namespace dmjob::volumes {

// A volume and the links that are its own besides those by its contents.
struct VolumeLinks {
  std::string uuid;
  std::vector<std::string> links;
  bool operator==(const VolumeLinks&) const = default;
};

struct HidingRules {
  std::string lasting;    // "" if there is nothing to say
  std::string this_boot;  // of disks that tell nothing about themselves: true until the next boot
};

// in_use: a path of theirs may be believed, if it is all that is known of them.
HidingRules hiding_rules(const std::vector<HiddenDisk>& disks,
                         const std::vector<VolumeLinks>& volumes);

}  // namespace dmjob::volumes

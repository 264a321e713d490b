// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is mounted on a volume and above it, on whatever stands on it: what of it is frozen with the
// volume (dm/topology/freezing.h), and why the rest is not. Looked for from the volume up, over
// what the kernel calls holders, partitions, loop devices over disks and over files, and the disks
// of a btrfs.
//
// Thread: a worker; may block, but asks no file system.
#pragma once

#include <string>
#include <vector>

#include "dm/control.h"
#include "libjob/io/mounted.h"

namespace dmjob::volumes {

struct NotFrozen {
  io::Mounted what;
  std::string disk;  // in words: "md0 (an array of md)"; "": that of the volume itself
  std::string why;   // "md0 is no device-mapper device"
};

struct MountedAbove {
  std::vector<io::Mounted> frozen;
  std::vector<NotFrozen> others;
};

// What is only read needs no freezing and is in neither list. Errors: std::system_error.
MountedAbove look_at_mounts(dm::Control& control, const std::string& volume,
                            const io::MountTable& table);
// "the ext4 at /srv, on md0 (an array of md), is not frozen with volume 'vol': md0 is no ..."
std::string in_words(const NotFrozen& one, const std::string& volume);

// The dm name of what is given by its name or by a path; "" if that is no dm device.
std::string volume_at(const std::string& given);
// One line for each that is not frozen. Throws nothing: if it cannot be told, a line says so.
std::vector<std::string> not_frozen_with(dm::Control& control, const std::string& volume);
// Has them written to their disks what they hold: the freezing does it too, but with all writers
// waiting, and what is not frozen loses less then. For one that is not frozen it is not waited
// long, since it may lie on other disks, too.
void sync_mounts(dm::Control& control, const std::string& volume);

}  // namespace dmjob::volumes

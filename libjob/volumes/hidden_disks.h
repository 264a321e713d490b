// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The disks that hold what a volume holds, and are not it: udev is to give them no name by their
// contents, and nobody is to mount or assemble them. Below a volume; a target, from before its
// job's first write; and whatever was one of these, until somebody releases it.
//
// Thread: the reactor (value).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "libjob/io/disk_identity.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::volumes {

struct HiddenDisk {
  std::string path;  // by which dmjob knows it
  io::DiskIdentity disk;
  std::string volume;  // whose contents it holds; "": a disk's or a file's
  std::string role;    // for people: "disk", "target", "old disk"

  bool operator==(const HiddenDisk&) const = default;
};

// The same disk, as far as can be known.
bool is_same_disk(const HiddenDisk& one, const HiddenDisk& other);
// Those of `disks` that are none of `others`.
std::vector<HiddenDisk> without(const std::vector<HiddenDisk>& disks,
                                const std::vector<HiddenDisk>& others);

class HiddenDisks {
 public:
  // What volumes and jobs use now, in the same turn in which the state file's text is made. What
  // they do not use any more becomes an old disk, unless its volume is gone: then its disk is as
  // any other.
  void follow(const std::vector<HiddenDisk>& in_use, const ManagedVolumes& volumes);

  std::vector<HiddenDisk> all() const;
  const std::vector<HiddenDisk>& old() const { return old_; }
  // The old one at `path`, or that is `disk`; it is old no more. nullopt: there is none.
  std::optional<HiddenDisk> release(const std::string& path, const io::DiskIdentity& disk);
  void put_back(HiddenDisk disk) { old_.push_back(std::move(disk)); }

  nlohmann::json record() const;  // of the old ones
  void restore(const nlohmann::json& record);

 private:
  std::vector<HiddenDisk> in_use_;
  std::vector<HiddenDisk> old_;
};

}  // namespace dmjob::volumes

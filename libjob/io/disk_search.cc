// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/disk_search.h"

#include <string>
#include <system_error>

#include "libjob/io/sysfs.h"

namespace dmjob::io {
namespace {

void add(std::vector<std::pair<dev_t, DiskIdentity>>& known, dev_t dev) {
  try {
    known.emplace_back(dev, identify_disk("/dev/" + sysfs::kernel_name(dev)));
  } catch (const std::system_error&) {  // it has gone away, or has no node
  }
}

std::vector<std::pair<dev_t, DiskIdentity>> look() {
  std::vector<std::pair<dev_t, DiskIdentity>> known;
  for (const std::string& name : sysfs::names_in("/sys/block")) {
    const auto disk = sysfs::parse_number(sysfs::first_line("/sys/block/" + name + "/dev"));
    if (!disk) continue;
    add(known, *disk);
    for (const dev_t partition : sysfs::partitions(*disk)) add(known, partition);
  }
  return known;
}

}  // namespace

// One that was never away is no other, whatever name others bear. Only a WWID is the same for the
// paths of one disk; a serial number that several have names none.
std::vector<dev_t> PresentDisks::find(const DiskIdentity& disk) {
  if (disk == DiskIdentity{}) return {};
  if (!known_) known_ = look();
  std::vector<dev_t> found;
  for (const auto& [dev, identity] : *known_) {
    if (identity.instance == disk.instance) return {dev};
    if (compare(disk, identity) == Sameness::kSame) found.push_back(dev);
  }
  const bool may_be_several = disk.lasting.find("wwid=") != std::string::npos;
  if (found.size() > 1 && !may_be_several) found.clear();
  return found;
}

}  // namespace dmjob::io

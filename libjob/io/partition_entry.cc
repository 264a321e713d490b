// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/partition_entry.h"

#include <blkid/blkid.h>
#include <fcntl.h>

#include "libjob/io/blkid_values.h"
#include "libjob/io/fd.h"
#include "libjob/io/sysfs.h"

namespace dmjob::io {

std::vector<std::string> partition_links(dev_t partition) {
  const Fd fd(open(("/dev/" + sysfs::kernel_name(partition)).c_str(), O_RDONLY | O_CLOEXEC));
  const BlkidProbe probe = fd ? blkid_probe_of(fd.get()) : nullptr;
  if (!probe) return {};
  blkid_probe_enable_superblocks(probe.get(), 0);
  blkid_probe_enable_partitions(probe.get(), 1);
  blkid_probe_set_partitions_flags(probe.get(), BLKID_PARTS_ENTRY_DETAILS);
  if (blkid_do_safeprobe(probe.get()) < 0) return {};
  std::vector<std::string> links;
  const std::string uuid = blkid_value(probe, "PART_ENTRY_UUID");
  if (!uuid.empty()) links.push_back("disk/by-partuuid/" + uuid);
  const std::string name = blkid_value(probe, "PART_ENTRY_NAME");
  if (!name.empty() && blkid_value(probe, "PART_ENTRY_SCHEME") == "gpt")
    links.push_back("disk/by-partlabel/" + blkid_encoded(name));
  return links;
}

}  // namespace dmjob::io

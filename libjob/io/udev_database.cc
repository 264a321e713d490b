// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/udev_database.h"

#include <libudev.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

namespace dmjob::io {
namespace {

class UdevEntry {
 public:
  explicit UdevEntry(dev_t disk) : udev_(udev_new()) {
    if (udev_) device_.reset(udev_device_new_from_devnum(udev_.get(), 'b', disk));
  }
  std::string property(const char* name) const {
    const char* value = device_ ? udev_device_get_property_value(device_.get(), name) : nullptr;
    return value ? value : "";
  }

 private:
  struct Release {
    void operator()(udev* udev) const { udev_unref(udev); }
    void operator()(udev_device* device) const { udev_device_unref(device); }
  };
  std::unique_ptr<udev, Release> udev_;
  std::unique_ptr<udev_device, Release> device_;
};

}  // namespace

// Our rules take the name from who they hide, and keep it under another.
std::string partition_uuid(dev_t partition) {
  const UdevEntry entry(partition);
  const std::string kept = entry.property("DMJOB_PART_UUID");
  return kept.empty() ? entry.property("ID_PART_ENTRY_UUID") : kept;
}

bool is_hidden(dev_t disk) { return UdevEntry(disk).property("DMJOB_HIDDEN") == "1"; }

bool is_link_of_contents(const std::string& path) {
  constexpr std::array<std::string_view, 5> kBeginnings{
      "/dev/disk/by-uuid/", "/dev/disk/by-label/", "/dev/disk/by-partuuid/",
      "/dev/disk/by-partlabel/", "/dev/disk/by-id/lvm-pv-uuid-"};
  return std::ranges::any_of(kBeginnings,
                             [&](std::string_view one) { return path.starts_with(one); });
}

}  // namespace dmjob::io

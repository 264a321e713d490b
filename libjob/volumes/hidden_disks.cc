// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/hidden_disks.h"

#include <algorithm>
#include <utility>

#include "libjob/store/place.h"

namespace dmjob::volumes {
namespace {

bool is_among(const HiddenDisk& disk, const std::vector<HiddenDisk>& disks) {
  return std::ranges::any_of(disks, [&](const HiddenDisk& one) { return is_same_disk(one, disk); });
}

}  // namespace

bool is_same_disk(const HiddenDisk& one, const HiddenDisk& other) {
  return io::compare(one.disk, other.disk) == io::Sameness::kSame;
}

std::vector<HiddenDisk> without(const std::vector<HiddenDisk>& disks,
                                const std::vector<HiddenDisk>& others) {
  std::vector<HiddenDisk> rest;
  for (const HiddenDisk& disk : disks)
    if (!is_among(disk, others)) rest.push_back(disk);
  return rest;
}

// A file is no disk. The first role of a disk counts: that of a volume.
void HiddenDisks::follow(const std::vector<HiddenDisk>& in_use, const ManagedVolumes& volumes) {
  std::vector<HiddenDisk> now;
  for (const HiddenDisk& disk : in_use)
    if (disk.disk != io::DiskIdentity{} && !is_among(disk, now)) now.push_back(disk);
  for (HiddenDisk& left : without(in_use_, now)) {
    if (!volumes.find(left.volume)) continue;
    left.role = "old disk";
    old_.push_back(std::move(left));
  }
  old_ = without(old_, now);
  in_use_ = std::move(now);
}

std::vector<HiddenDisk> HiddenDisks::all() const {
  std::vector<HiddenDisk> disks = in_use_;
  disks.insert(disks.end(), old_.begin(), old_.end());
  return disks;
}

std::optional<HiddenDisk> HiddenDisks::release(const std::string& path,
                                               const io::DiskIdentity& disk) {
  const HiddenDisk wanted{.path = path, .disk = disk, .volume = {}, .role = {}};
  const bool is_there = disk != io::DiskIdentity{};
  const auto found = std::ranges::find_if(old_, [&](const HiddenDisk& one) {
    if (is_there && is_same_disk(one, wanted)) return true;
    return one.path == path && (!is_there || !io::tells_who_it_is(one.disk));
  });
  if (found == old_.end()) return std::nullopt;
  HiddenDisk released = std::move(*found);
  old_.erase(found);
  return released;
}

nlohmann::json HiddenDisks::record() const {
  nlohmann::json list = nlohmann::json::array();
  for (const HiddenDisk& disk : old_)
    list.push_back({{"path", disk.path},
                    {"disk", store::record_of(disk.disk)},
                    {"volume", disk.volume},
                    {"role", disk.role}});
  return list;
}

void HiddenDisks::restore(const nlohmann::json& record) {
  old_.clear();
  for (const auto& entry : record)
    old_.push_back({.path = entry.at("path"),
                    .disk = store::restore_disk(entry.at("disk")),
                    .volume = entry.at("volume"),
                    .role = entry.at("role")});
}

}  // namespace dmjob::volumes

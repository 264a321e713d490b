// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/managed_volumes.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "libjob/io/uuid.h"

namespace dmjob::volumes {

const ManagedVolume* ManagedVolumes::find(const std::string& name) const {
  auto found = volumes_.find(name);
  return found == volumes_.end() ? nullptr : &found->second;
}

void ManagedVolumes::add(ManagedVolume volume) {
  std::string name = volume.name;
  for (const auto& [other_name, other] : volumes_) {
    if (other_name == name) continue;
    std::erase_if(volume.links, [&links = other.links](const std::string& link) {
      return std::ranges::find(links, link) != links.end();
    });
  }
  volumes_.insert_or_assign(std::move(name), std::move(volume));
}

void ManagedVolumes::remove(const std::string& name) { volumes_.erase(name); }

void ManagedVolumes::set_pivot(const std::string& name, const std::string& target,
                               io::DiskIdentity disk) {
  volumes_.at(name).pivot_to = target;
  volumes_.at(name).pivot_disk = std::move(disk);
  volumes_.at(name).decision = io::new_uuid();
}

void ManagedVolumes::revoke_pivot(const std::string& name) {
  volumes_.at(name).pivot_to.reset();
  volumes_.at(name).pivot_disk = {};
  volumes_.at(name).decision.clear();
}

std::vector<std::string> ManagedVolumes::revoke_pivots(const std::vector<std::string>& decisions) {
  std::vector<std::string> names;
  for (const auto& [name, volume] : volumes_)
    if (!volume.decision.empty() &&
        std::ranges::find(decisions, volume.decision) != decisions.end())
      names.push_back(name);
  for (const std::string& name : names) revoke_pivot(name);
  return names;
}

void ManagedVolumes::finish_pivot(const std::string& name) {
  ManagedVolume& volume = volumes_.at(name);
  assert(volume.pivot_to);
  volume.device = *volume.pivot_to;
  volume.disk = volume.pivot_disk;
  revoke_pivot(name);
}

void ManagedVolumes::set_overlay(const std::string& name, std::optional<Overlay> overlay) {
  ManagedVolume& volume = volumes_.at(name);
  const bool replaced = volume.overlay && volume.overlay->replaced;
  volume.overlay = std::move(overlay);
  if (replaced && volume.overlay) volume.overlay->replaced = true;
}

void ManagedVolumes::set_replaced(const std::string& name) {
  volumes_.at(name).overlay.value().replaced = true;
}

void ManagedVolumes::set_device(const std::string& name, const std::string& device,
                                io::DiskIdentity disk) {
  volumes_.at(name).device = device;
  volumes_.at(name).disk = std::move(disk);
}

void ManagedVolumes::set_tracking(const std::string& name, std::optional<Tracking> tracking) {
  volumes_.at(name).tracking = std::move(tracking);
}

void ManagedVolumes::set_error(const std::string& name, const std::string& error) {
  volumes_.at(name).error = error;
}

void ManagedVolumes::set_errors(const std::string& error) {
  for (auto& [name, volume] : volumes_) volume.error = error;
}

void ManagedVolumes::set_late(const std::string& name, const std::string& error, bool absent) {
  ManagedVolume& volume = volumes_.at(name);
  volume.error = error;
  volume.late = true;
  volume.absent = absent;
  volume.untried = false;
}

void ManagedVolumes::set_untried(const std::string& name) {
  set_late(name, "it is being activated", false);
  volumes_.at(name).untried = true;
}

void ManagedVolumes::set_active(const std::string& name) {
  ManagedVolume& volume = volumes_.at(name);
  volume.error.clear();
  volume.late = false;
  volume.absent = false;
  volume.untried = false;
}

nlohmann::json ManagedVolumes::record() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [name, volume] : volumes_) list.push_back(volume.record());
  return list;
}

void ManagedVolumes::restore(const nlohmann::json& record) {
  volumes_.clear();
  for (const auto& entry : record) add(ManagedVolume::restore(entry));
}

}  // namespace dmjob::volumes

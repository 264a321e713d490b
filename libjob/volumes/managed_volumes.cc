// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/managed_volumes.h"

#include <cassert>
#include <utility>

namespace dmjob::volumes {

const ManagedVolume* ManagedVolumes::find(const std::string& name) const {
  auto found = volumes_.find(name);
  return found == volumes_.end() ? nullptr : &found->second;
}

void ManagedVolumes::add(ManagedVolume volume) {
  std::string name = volume.name;
  volumes_.insert_or_assign(std::move(name), std::move(volume));
}

void ManagedVolumes::remove(const std::string& name) { volumes_.erase(name); }

void ManagedVolumes::set_pivot(const std::string& name, const std::string& target) {
  volumes_.at(name).pivot_to = target;
}

void ManagedVolumes::revoke_pivot(const std::string& name) { volumes_.at(name).pivot_to.reset(); }

void ManagedVolumes::finish_pivot(const std::string& name) {
  ManagedVolume& volume = volumes_.at(name);
  assert(volume.pivot_to);
  volume.device = *volume.pivot_to;
  volume.pivot_to.reset();
}

void ManagedVolumes::set_overlay(const std::string& name, std::optional<Overlay> overlay) {
  volumes_.at(name).overlay = std::move(overlay);
}

void ManagedVolumes::set_device(const std::string& name, const std::string& device) {
  volumes_.at(name).device = device;
}

void ManagedVolumes::set_tracking(const std::string& name, std::optional<Tracking> tracking) {
  volumes_.at(name).tracking = std::move(tracking);
}

void ManagedVolumes::set_error(const std::string& name, const std::string& error) {
  volumes_.at(name).error = error;
}

nlohmann::json ManagedVolumes::record() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [name, volume] : volumes_) {
    nlohmann::json entry{{"name", name},
                         {"uuid", volume.uuid},
                         {"device", volume.device},
                         {"sectors", volume.sectors}};
    if (volume.pivot_to) entry["pivot-to"] = *volume.pivot_to;
    if (volume.overlay) entry["overlay"] = volume.overlay->record();
    if (volume.tracking) entry["tracking"] = volume.tracking->record();
    list.push_back(std::move(entry));
  }
  return list;
}

void ManagedVolumes::restore(const nlohmann::json& record) {
  volumes_.clear();
  for (const auto& entry : record) {
    ManagedVolume volume;
    entry.at("name").get_to(volume.name);
    entry.at("uuid").get_to(volume.uuid);
    entry.at("device").get_to(volume.device);
    entry.at("sectors").get_to(volume.sectors);
    if (entry.contains("pivot-to")) volume.pivot_to = entry["pivot-to"].get<std::string>();
    if (entry.contains("overlay")) volume.overlay = Overlay::restore(entry["overlay"]);
    if (entry.contains("tracking")) volume.tracking = Tracking::restore(entry["tracking"]);
    add(std::move(volume));
  }
}

}  // namespace dmjob::volumes

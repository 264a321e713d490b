// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/volume.h"

namespace dmjob::volumes {

nlohmann::json ManagedVolume::record() const {
  nlohmann::json entry{{"name", name},
                       {"uuid", uuid},
                       {"device", device},
                       {"disk", store::record_of(disk)},
                       {"sectors", sectors}};
  if (pivot_to) {
    entry["pivot-to"] = *pivot_to;
    entry["pivot-disk"] = store::record_of(pivot_disk);
    entry["pivot-id"] = decision;
  }
  if (overlay) entry["overlay"] = overlay->record();
  if (tracking) entry["tracking"] = tracking->record();
  if (!links.empty()) entry["links"] = links;
  return entry;
}

ManagedVolume ManagedVolume::restore(const nlohmann::json& record) {
  ManagedVolume volume;
  record.at("name").get_to(volume.name);
  record.at("uuid").get_to(volume.uuid);
  record.at("device").get_to(volume.device);
  if (record.contains("disk")) volume.disk = store::restore_disk(record["disk"]);
  record.at("sectors").get_to(volume.sectors);
  if (record.contains("pivot-to")) {
    volume.pivot_to = record["pivot-to"].get<std::string>();
    if (record.contains("pivot-disk"))
      volume.pivot_disk = store::restore_disk(record["pivot-disk"]);
    volume.decision = record.value("pivot-id", "");
  }
  if (record.contains("overlay")) volume.overlay = Overlay::restore(record["overlay"]);
  if (record.contains("tracking")) volume.tracking = Tracking::restore(record["tracking"]);
  volume.links = record.value("links", volume.links);
  return volume;
}

}  // namespace dmjob::volumes

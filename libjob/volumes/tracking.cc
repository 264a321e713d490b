// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/tracking.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace dmjob::volumes {
namespace {

using Stage = Tracking::Stage;
constexpr std::array<std::pair<Stage, const char*>, 3> kStages{{
    {Stage::kBegun, "begun"},
    {Stage::kProven, "proven"},
    {Stage::kBroken, "broken"},
}};

const char* word_of(Stage stage) { return kStages.at(static_cast<std::size_t>(stage)).second; }

Stage parse_stage(const std::string& text) {
  for (const auto& [value, word] : kStages)
    if (text == word) return value;
  throw std::invalid_argument("unknown stage of a chain of backups '" + text + "'");
}

}  // namespace

nlohmann::json Tracking::record() const {
  return {{"stage", word_of(stage)},
          {"broken", broken},
          {"uuid", uuid},
          {"scratch", scratch.record()},
          {"granularity", granularity},
          {"target", target},
          {"target-disk", store::record_of(target_disk)},
          {"target-file", target_file},
          {"last-backup", last_backup}};
}

Tracking Tracking::restore(const nlohmann::json& record) {
  Tracking tracking;
  tracking.stage = parse_stage(record.at("stage"));
  record.at("broken").get_to(tracking.broken);
  record.at("uuid").get_to(tracking.uuid);
  tracking.scratch = store::ScratchPlace::restore(record.at("scratch"));
  record.at("granularity").get_to(tracking.granularity);
  record.at("target").get_to(tracking.target);
  tracking.target_disk = store::restore_disk(record.at("target-disk"));
  record.at("target-file").get_to(tracking.target_file);
  record.at("last-backup").get_to(tracking.last_backup);
  return tracking;
}

}  // namespace dmjob::volumes

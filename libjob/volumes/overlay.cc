// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/overlay.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace dmjob::volumes {
namespace {

using Stage = Overlay::Stage;
constexpr std::array<std::pair<Stage, const char*>, 3> kStages{{
    {Stage::kHolding, "holding"},
    {Stage::kMerging, "merging"},
    {Stage::kDiscarding, "discarding"},
}};

const char* word_of(Stage stage) { return kStages.at(static_cast<std::size_t>(stage)).second; }

Stage parse_stage(const std::string& text) {
  for (const auto& [value, word] : kStages)
    if (text == word) return value;
  throw std::invalid_argument("unknown stage of an overlay '" + text + "'");
}

}  // namespace

nlohmann::json Overlay::record() const {
  return {{"stage", word_of(stage)},
          {"cow", cow.record()},
          {"cow-disk", store::record_of(cow_disk)},
          {"origin-disk", store::record_of(origin_disk)},
          {"chunk", chunk},
          {"read-only", read_only},
          {"merge-begun", merge_begun},
          {"target", target},
          {"target-disk", store::record_of(target_disk)}};
}

Overlay Overlay::restore(const nlohmann::json& record) {
  Overlay overlay;
  overlay.stage = parse_stage(record.at("stage"));
  overlay.cow = store::CowPlace::restore(record.at("cow"));
  overlay.cow_disk = store::restore_disk(record.at("cow-disk"));
  overlay.origin_disk = store::restore_disk(record.at("origin-disk"));
  record.at("chunk").get_to(overlay.chunk);
  record.at("read-only").get_to(overlay.read_only);
  record.at("merge-begun").get_to(overlay.merge_begun);
  record.at("target").get_to(overlay.target);
  overlay.target_disk = store::restore_disk(record.at("target-disk"));
  return overlay;
}

}  // namespace dmjob::volumes

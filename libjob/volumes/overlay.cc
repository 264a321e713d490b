// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/overlay.h"

#include "libjob/store/words.h"

namespace dmjob::volumes {
namespace {

using Stage = Overlay::Stage;
constexpr store::Word<Stage> kStages[] = {
    {Stage::kHolding, "holding"},
    {Stage::kMerging, "merging"},
    {Stage::kDiscarding, "discarding"},
};

}  // namespace

nlohmann::json Overlay::record() const {
  return {{"stage", store::word_of(kStages, stage)},
          {"cow", cow.record()},
          {"cow-disk", store::record_of(cow_disk)},
          {"origin-disk", store::record_of(origin_disk)},
          {"chunk", chunk},
          {"read-only", read_only},
          {"merge-begun", merge_begun},
          {"replaced", replaced},
          {"target", target},
          {"target-disk", store::record_of(target_disk)}};
}

Overlay Overlay::restore(const nlohmann::json& record) {
  Overlay overlay;
  overlay.stage = store::parse_word(kStages, record.at("stage"), "stage of an overlay");
  overlay.cow = store::CowPlace::restore(record.at("cow"));
  overlay.cow_disk = store::restore_disk(record.at("cow-disk"));
  overlay.origin_disk = store::restore_disk(record.at("origin-disk"));
  record.at("chunk").get_to(overlay.chunk);
  record.at("read-only").get_to(overlay.read_only);
  record.at("merge-begun").get_to(overlay.merge_begun);
  overlay.replaced = record.value("replaced", false);  // older records have none
  record.at("target").get_to(overlay.target);
  overlay.target_disk = store::restore_disk(record.at("target-disk"));
  return overlay;
}

}  // namespace dmjob::volumes

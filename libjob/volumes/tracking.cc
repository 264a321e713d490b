// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/tracking.h"

#include "libjob/store/words.h"

namespace dmjob::volumes {
namespace {

using Stage = Tracking::Stage;
constexpr store::Word<Stage> kStages[] = {
    {Stage::kBegun, "begun"},
    {Stage::kProven, "proven"},
    {Stage::kBroken, "broken"},
};

}  // namespace

const char* Tracking::stage_word() const { return store::word_of(kStages, stage); }

nlohmann::json Tracking::record() const {
  return {{"stage", stage_word()},
          {"broken", broken},
          {"uuid", uuid},
          {"scratch", scratch.record()},
          {"granularity", granularity},
          {"target", target},
          {"target-disk", store::record_of(target_disk)},
          {"target-file", target_file},
          {"target-mark", target_mark},
          {"sample", record_of(sample)},
          {"under-way", under_way},
          {"boot", boot},
          {"last-backup", last_backup}};
}

Tracking Tracking::restore(const nlohmann::json& record) {
  Tracking tracking;
  tracking.stage = store::parse_word(kStages, record.at("stage"), "stage of a chain of backups");
  record.at("broken").get_to(tracking.broken);
  record.at("uuid").get_to(tracking.uuid);
  tracking.scratch = store::ScratchPlace::restore(record.at("scratch"));
  record.at("granularity").get_to(tracking.granularity);
  record.at("target").get_to(tracking.target);
  tracking.target_disk = store::restore_disk(record.at("target-disk"));
  record.at("target-file").get_to(tracking.target_file);
  record.at("last-backup").get_to(tracking.last_backup);
  if (!record.contains("sample")) return tracking;  // noted by an older dmjobd
  record.at("target-mark").get_to(tracking.target_mark);
  tracking.sample = restore_sample(record.at("sample"));
  record.at("under-way").get_to(tracking.under_way);
  record.at("boot").get_to(tracking.boot);
  return tracking;
}

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/plan/copy_plan.h"

#include <algorithm>

#include "dm/mirror_log.h"
#include "libjob/store/scratch.h"

namespace dmjob::drivers {

nlohmann::json CopyPlan::record() const {
  return {{"uuid", uuid},
          {"volume", volume},
          {"source", source},
          {"target", target},
          {"source-disk", store::record_of(source_disk)},
          {"target-disk", store::record_of(target_disk)},
          {"fixed-source", fixed_source},
          {"managed", managed},
          {"owner", owner},
          {"size", size},
          {"granularity", granularity},
          {"new-file", new_file},
          {"scratch", scratch.record()},
          {"scratch-disk", store::record_of(scratch_disk)},
          {"speed", speed},
          {"on-source-error", core::to_string(on_source_error)},
          {"on-target-error", core::to_string(on_target_error)},
          {"only-compare", only_compare},
          {"verify", verify},
          {"error-map", error_map},
          {"fingerprint", fingerprint},
          {"target-file", target_file},
          {"target-account", target_account},
          {"not-frozen", not_frozen}};
}

CopyPlan CopyPlan::restore(const nlohmann::json& record) {
  CopyPlan plan;
  record.at("uuid").get_to(plan.uuid);
  record.at("volume").get_to(plan.volume);
  record.at("source").get_to(plan.source);
  record.at("target").get_to(plan.target);
  plan.source_disk = store::restore_disk(record.at("source-disk"));
  plan.target_disk = store::restore_disk(record.at("target-disk"));
  record.at("fixed-source").get_to(plan.fixed_source);
  record.at("managed").get_to(plan.managed);
  record.at("owner").get_to(plan.owner);
  record.at("size").get_to(plan.size);
  record.at("granularity").get_to(plan.granularity);
  record.at("new-file").get_to(plan.new_file);
  plan.scratch = ScratchPlace::restore(record.at("scratch"));
  plan.scratch_disk = store::restore_disk(record.at("scratch-disk"));
  record.at("speed").get_to(plan.speed);
  plan.on_source_error = core::restore_on_error(record.at("on-source-error").get<std::string>());
  plan.on_target_error = core::restore_on_error(record.at("on-target-error").get<std::string>());
  record.at("only-compare").get_to(plan.only_compare);
  record.at("verify").get_to(plan.verify);
  record.at("error-map").get_to(plan.error_map);
  record.at("fingerprint").get_to(plan.fingerprint);
  record.at("target-file").get_to(plan.target_file);
  // Older records have none of these.
  plan.target_account = record.value("target-account", "");
  plan.not_frozen = record.value("not-frozen", plan.not_frozen);
  return plan;
}

std::uint64_t regions(const CopyPlan& plan) {
  return (plan.size + plan.granularity - 1) / plan.granularity;
}

std::uint64_t log_bytes(const CopyPlan& plan) {
  return plan.tracked() ? dm::mirror_log_bytes(regions(plan)) : 0;
}

std::uint64_t scratch_bytes(const CopyPlan& plan) {
  return store::scratch_layout(plan.size, plan.granularity, log_bytes(plan)).total;
}

std::uint64_t chunk_bytes(const CopyPlan& plan) {
  return std::min(plan.granularity, kMostChunkBytes);
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/plan/copy_plan.h"

#include <algorithm>

#include "dm/mirror_log.h"
#include "libjob/store/scratch.h"

namespace dmjob::drivers {
namespace {

// A field as it stands in a record, and back.
template <typename Value>
nlohmann::json to_record(const Value& value) {
  return value;
}
nlohmann::json to_record(const io::DiskIdentity& disk) { return store::record_of(disk); }
nlohmann::json to_record(const ScratchPlace& place) { return place.record(); }
nlohmann::json to_record(core::OnError policy) { return core::to_string(policy); }

template <typename Value>
void from_record(const nlohmann::json& record, Value& value) {
  record.get_to(value);
}
void from_record(const nlohmann::json& record, io::DiskIdentity& disk) {
  disk = store::restore_disk(record);
}
void from_record(const nlohmann::json& record, ScratchPlace& place) {
  place = ScratchPlace::restore(record);
}
void from_record(const nlohmann::json& record, core::OnError& policy) {
  policy = core::restore_on_error(record.get<std::string>());
}

enum class Since { kEver, kLater };  // kLater: older records do not have it

// Plan: const or not. Visit: called with the name and the value of each field.
template <typename Plan, typename Visit>
void for_each_field(Plan& plan, Visit visit) {
  visit("uuid", plan.uuid, Since::kEver);
  visit("volume", plan.volume, Since::kEver);
  visit("source", plan.source, Since::kEver);
  visit("target", plan.target, Since::kEver);
  visit("source-disk", plan.source_disk, Since::kEver);
  visit("target-disk", plan.target_disk, Since::kEver);
  visit("fixed-source", plan.fixed_source, Since::kEver);
  visit("managed", plan.managed, Since::kEver);
  visit("owner", plan.owner, Since::kEver);
  visit("size", plan.size, Since::kEver);
  visit("granularity", plan.granularity, Since::kEver);
  visit("new-file", plan.new_file, Since::kEver);
  visit("scratch", plan.scratch, Since::kEver);
  visit("scratch-disk", plan.scratch_disk, Since::kEver);
  visit("speed", plan.speed, Since::kEver);
  visit("on-source-error", plan.on_source_error, Since::kEver);
  visit("on-target-error", plan.on_target_error, Since::kEver);
  visit("only-compare", plan.only_compare, Since::kEver);
  visit("verify", plan.verify, Since::kEver);
  visit("error-map", plan.error_map, Since::kEver);
  visit("fingerprint", plan.fingerprint, Since::kEver);
  visit("target-file", plan.target_file, Since::kEver);
  visit("target-account", plan.target_account, Since::kLater);
  visit("not-frozen", plan.not_frozen, Since::kLater);
}

}  // namespace

nlohmann::json CopyPlan::record() const {
  nlohmann::json record = nlohmann::json::object();
  for_each_field(
      *this, [&](const char* name, const auto& value, Since) { record[name] = to_record(value); });
  return record;
}

CopyPlan CopyPlan::restore(const nlohmann::json& record) {
  CopyPlan plan;
  for_each_field(plan, [&](const char* name, auto& value, Since since) {
    if (since == Since::kEver || record.contains(name)) from_record(record.at(name), value);
  });
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

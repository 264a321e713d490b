// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy_plan.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace dmjob::drivers {
namespace {

constexpr std::array<std::pair<ScratchPlace::Kind, const char*>, 4> kKinds{{
    {ScratchPlace::Kind::kDevice, "device"},
    {ScratchPlace::Kind::kFile, "file"},
    {ScratchPlace::Kind::kTail, "tail"},
    {ScratchPlace::Kind::kMemory, "memory"},
}};

const char* kind_word(ScratchPlace::Kind kind) {
  for (const auto& [value, word] : kKinds)
    if (value == kind) return word;
  throw std::logic_error("unknown kind of scratch");
}

ScratchPlace::Kind parse_kind(const std::string& text) {
  for (const auto& [value, word] : kKinds)
    if (text == word) return value;
  throw std::invalid_argument("unknown kind of scratch '" + text + "'");
}

nlohmann::json disk_record(const io::DiskIdentity& disk) {
  return {{"instance", disk.instance}, {"lasting", disk.lasting}};
}

io::DiskIdentity parse_disk(const nlohmann::json& record) {
  return {.instance = record.at("instance"), .lasting = record.at("lasting")};
}

core::OnError parse_policy(const nlohmann::json& word) {
  auto policy = core::parse_on_error(word.get<std::string>());
  if (!policy) throw std::invalid_argument("unknown error policy " + word.dump());
  return *policy;
}

}  // namespace

nlohmann::json ScratchPlace::record() const {
  return {{"kind", kind_word(kind)}, {"path", path}, {"offset", offset}};
}

ScratchPlace ScratchPlace::restore(const nlohmann::json& record) {
  return {parse_kind(record.at("kind")), record.at("path"), record.at("offset")};
}

std::string ScratchPlace::describe() const {
  switch (kind) {
    case Kind::kDevice:
    case Kind::kFile:
      return path;
    case Kind::kTail:
      return "tail of " + path;
    case Kind::kMemory:
      return "memory (after a reboot the copy starts over)";
  }
  return {};
}

nlohmann::json CopyPlan::record() const {
  return {{"uuid", uuid},
          {"volume", volume},
          {"source", source},
          {"target", target},
          {"source-disk", disk_record(source_disk)},
          {"target-disk", disk_record(target_disk)},
          {"managed", managed},
          {"owner", owner},
          {"size", size},
          {"granularity", granularity},
          {"new-file", new_file},
          {"scratch", scratch.record()},
          {"speed", speed},
          {"on-source-error", core::to_string(on_source_error)},
          {"on-target-error", core::to_string(on_target_error)},
          {"error-map", error_map},
          {"fingerprint", fingerprint},
          {"target-file", target_file}};
}

CopyPlan CopyPlan::restore(const nlohmann::json& record) {
  CopyPlan plan;
  record.at("uuid").get_to(plan.uuid);
  record.at("volume").get_to(plan.volume);
  record.at("source").get_to(plan.source);
  record.at("target").get_to(plan.target);
  plan.source_disk = parse_disk(record.at("source-disk"));
  plan.target_disk = parse_disk(record.at("target-disk"));
  record.at("managed").get_to(plan.managed);
  record.at("owner").get_to(plan.owner);
  record.at("size").get_to(plan.size);
  record.at("granularity").get_to(plan.granularity);
  record.at("new-file").get_to(plan.new_file);
  plan.scratch = ScratchPlace::restore(record.at("scratch"));
  record.at("speed").get_to(plan.speed);
  plan.on_source_error = parse_policy(record.at("on-source-error"));
  plan.on_target_error = parse_policy(record.at("on-target-error"));
  record.at("error-map").get_to(plan.error_map);
  record.at("fingerprint").get_to(plan.fingerprint);
  record.at("target-file").get_to(plan.target_file);
  return plan;
}

}  // namespace dmjob::drivers

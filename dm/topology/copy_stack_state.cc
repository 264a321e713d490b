// SPDX-License-Identifier: LGPL-2.1-or-later
// The part of CopyStack that reads: what there is in the kernel and what it means.
#include <cerrno>
#include <system_error>

#include "dm/error.h"
#include "dm/status.h"
#include "dm/targets.h"
#include "dm/topology/copy_stack.h"
#include "dm/topology/copy_stack_devices.h"
#include "dm/topology/held_disk.h"
#include "dm/topology/volume_table.h"

namespace dmjob::dm {

CopyStack::Devices CopyStack::devices() {
  Devices found = inner_.find();
  if (const auto tgt = found.find(kTargetPart); tgt != found.end()) {
    tgt_ = tgt->second;
    const dev_t held = held_by(control_.table(inner_.name(kTargetPart)));
    if (held != 0) target_ = held;
  }
  return found;
}

Table CopyStack::table_for(WriteMode mode, const Devices& found, std::uint64_t length) const {
  const dev_t base = found.at("base");
  switch (mode.kind) {
    case WriteMode::Kind::kTracking:
      return tracker_table(length, found.at(log_part(mode.log)), spec_.region, base,
                           found.at("err"));
    case WriteMode::Kind::kMirroring:
      return mirror_table(length, found.at(log_part(mode.log)), spec_.region, base,
                          found.at(kTargetPart));
    case WriteMode::Kind::kFailing:
      return error_table(length);
    case WriteMode::Kind::kPassing:
      break;
  }
  return linear_table(length, base);
}

std::optional<WriteMode> CopyStack::writes_of(const Table& table, const Devices& found) const {
  if (found.size() != inner_.count() || table.empty()) return std::nullopt;
  using Kind = WriteMode::Kind;
  for (const Kind kind : {Kind::kTracking, Kind::kMirroring}) {
    if (kind == Kind::kMirroring && !spec_.has_target) continue;
    for (int log = 0; log < kLogs; ++log) {
      const WriteMode mode{kind, log};
      if (table == table_for(mode, found, table.sectors())) return mode;
    }
  }
  for (const Kind kind : {Kind::kPassing, Kind::kFailing})
    if (table == table_for({kind, 0}, found, table.sectors())) return WriteMode{kind, 0};
  return std::nullopt;
}

bool CopyStack::is_ours(const Table& table, const Devices& found) const {
  return table == linear_table(table.sectors(), target_) || is_bypass(table, found);
}

bool CopyStack::is_bypass(const Table& table, const Devices& found) {
  const auto base = found.find("base");
  const auto writes = found.find("wr");
  return base != found.end() && writes != found.end() &&
         table == bypass_table(table.sectors(), base->second, writes->second);
}

// A table that is linear over the target may be somebody else's device: by that none is found.
CopyStack::Found::Volume CopyStack::volume_state(const Devices& found) {
  if (found.contains("wr") &&
      volume_.stands([&](const Table& table) { return is_bypass(table, found); }))
    return Found::Volume::kInterposed;
  const Table live = volume_.table();
  if (live.empty())
    return control_.find(volume_.name()) ? Found::Volume::kOther : Found::Volume::kMissing;
  const bool moved = live == linear_table(live.sectors(), target_);
  return moved ? Found::Volume::kOnTarget : Found::Volume::kOther;
}

bool CopyStack::has_own_table(const Devices& found) {
  return found.contains("base") && volume_.table() == control_.table(inner_.name("base"));
}

Table CopyStack::require_interposed(const Devices& found) {
  if (volume_state(found) != Found::Volume::kInterposed) throw TableReplaced(volume_.name());
  return volume_.seen();
}

void CopyStack::require_standing() {
  volume_.require([this] { return volume_state(inner_.find()) == Found::Volume::kInterposed; });
}

std::optional<std::string> CopyStack::mirror_status_text() {
  const auto lines = control_.status(wr());
  if (lines.size() != 1 || lines.front().target != "mirror") return std::nullopt;
  return lines.front().text;
}

void CopyStack::require_in_sync() {
  // By one status alone, which also names the sides: a table would need libdevmapper's lock.
  const auto text = mirror_status_text();
  if (text) {
    const MirrorStatus status = parse_mirror_status(*text);
    if (status.devices.back() == print_dev(tgt_) && status.in_sync()) return;
  }
  fail(EIO, "the target of " + spec_.job + " is not in sync" + (text ? ": " + *text : ""));
}

bool CopyStack::side_failed() {
  const auto text = mirror_status_text();
  if (!text) return false;
  const MirrorStatus status = parse_mirror_status(*text);
  return status.devices.back() == print_dev(tgt_) &&
         (status.legs.front() != Health::kAlive || status.legs.back() != Health::kAlive);
}

CopyStack::Found CopyStack::find() {
  inner_.require_ours();
  const auto inner_devices = devices();
  Found found;
  found.tgt = inner_devices.contains(kTargetPart);
  found.base = inner_devices.contains("base");
  found.wr = inner_devices.contains("wr");
  if (found.base) base_ = inner_devices.at("base");
  if (found.wr) found.writes = writes_of(control_.table(wr()), inner_devices);
  found.volume = volume_state(inner_devices);
  const auto volume = control_.find(volume_.name());
  found.volume_suspended = volume && volume->suspended;
  return found;
}

CopyStack::Found CopyStack::take_up() {
  ledger_.forget_tracker(wr());  // the guardian, which has looked after it, leaves it alone
  inner_.resume_leftovers();     // from the bottom up: the volume's I/O passes through these
  const auto inner_devices = inner_.find();
  const auto ours = [&](const Table& table) { return is_ours(table, inner_devices); };
  volume_state(inner_devices);  // by its name of now
  const bool has_base = inner_devices.contains("base");
  resume_left_volume(control_, volume_.name(), ours,
                     has_base ? control_.table(inner_.name("base")) : Table{});
  const Found found = find();
  if (found.wr && found.volume == Found::Volume::kInterposed) ledger_.guard_tracker(wr());
  return found;
}

}  // namespace dmjob::dm

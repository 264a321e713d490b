// SPDX-License-Identifier: LGPL-2.1-or-later
// The part of CopyStack that reads: what there is in the kernel and what it means.
#include <cerrno>
#include <iterator>
#include <system_error>

#include "dm/name.h"
#include "dm/status.h"
#include "dm/targets.h"
#include "dm/topology/copy_stack.h"
#include "dm/topology/inner_parts.h"

namespace dmjob::dm {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

CopyStack::Devices CopyStack::devices() {
  Devices found;
  for (const char* part : kInnerParts) {
    const auto device = control_.find(inner(part));
    if (device && device->uuid == uuid_of(part) && device->live_table) found[part] = device->dev;
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
      return mirror_table(length, found.at(log_part(mode.log)), spec_.region, base, spec_.target);
    case WriteMode::Kind::kPassing:
      break;
  }
  return linear_table(length, base);
}

std::optional<WriteMode> CopyStack::writes_of(const Table& table, const Devices& found) const {
  if (found.size() != std::size(kInnerParts) || table.empty()) return std::nullopt;
  using Kind = WriteMode::Kind;
  for (const Kind kind : {Kind::kTracking, Kind::kMirroring}) {
    for (int log = 0; log < kLogs; ++log) {
      const WriteMode mode{kind, log};
      if (table == table_for(mode, found, table.sectors())) return mode;
    }
  }
  const WriteMode passing{Kind::kPassing, 0};
  if (table == table_for(passing, found, table.sectors())) return passing;
  return std::nullopt;
}

bool CopyStack::is_ours(const Table& table, const Devices& found) const {
  if (table == linear_table(table.sectors(), spec_.target)) return true;
  const auto base = found.find("base");
  const auto writes = found.find("wr");
  return base != found.end() && writes != found.end() &&
         table == bypass_table(table.sectors(), base->second, writes->second);
}

CopyStack::Found::Volume CopyStack::volume_state(const Devices& found) {
  if (!control_.find(spec_.volume)) return Found::Volume::kMissing;
  const Table live = control_.table(spec_.volume);
  if (live == linear_table(live.sectors(), spec_.target)) return Found::Volume::kOnTarget;
  return is_ours(live, found) ? Found::Volume::kInterposed : Found::Volume::kOther;
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
    if (status.devices.back() == print_dev(spec_.target) && status.in_sync()) return;
  }
  fail(EIO, "the target of " + spec_.job + " is not in sync" + (text ? ": " + *text : ""));
}

bool CopyStack::side_failed() {
  const auto text = mirror_status_text();
  if (!text) return false;
  const MirrorStatus status = parse_mirror_status(*text);
  return status.devices.back() == print_dev(spec_.target) &&
         (status.legs.front() != Health::kAlive || status.legs.back() != Health::kAlive);
}

void CopyStack::settle_inner() {
  for (const char* part : kInnerParts) {
    const std::string name = inner(part);
    const auto device = control_.find(name);
    if (!device) continue;
    if (device->uuid != uuid_of(part)) {
      fail(EEXIST, name + " exists and is not this job's, UUID \"" + device->uuid + '"');
    }
    if (device->inactive_table) control_.clear(name);
    // A shell that never had a table cannot be resumed; remove_inner() takes it away.
    if (device->suspended && device->live_table) control_.resume(name);
  }
}

void CopyStack::settle_volume(Found& found, const Devices& inner_devices) {
  const auto volume = control_.find(spec_.volume);
  if (!volume || !(volume->suspended || volume->inactive_table)) return;
  const bool loaded_by_us =
      volume->inactive_table && is_ours(control_.inactive_table(spec_.volume), inner_devices);
  const bool lives_on_ours =
      found.volume == Found::Volume::kInterposed || found.volume == Found::Volume::kOnTarget;
  if (!loaded_by_us && !lives_on_ours) {
    found.volume_suspended = volume->suspended;
    return;
  }
  if (volume->inactive_table) control_.clear(spec_.volume);
  if (volume->suspended) control_.resume(spec_.volume);
}

CopyStack::Found CopyStack::find() {
  settle_inner();  // from the bottom up: the volume's I/O passes through these
  const auto inner_devices = devices();
  Found found;
  found.base = inner_devices.contains("base");
  found.wr = inner_devices.contains("wr");
  if (found.base) base_ = inner_devices.at("base");
  if (found.wr) found.writes = writes_of(control_.table(wr()), inner_devices);
  found.volume = volume_state(inner_devices);
  settle_volume(found, inner_devices);
  return found;
}

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/copy_stack.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <system_error>
#include <utility>

#include "dm/error.h"
#include "dm/status.h"
#include "dm/targets.h"
#include "dm/topology/copy_stack_devices.h"
#include "dm/topology/table_switch.h"
#include "dm/topology/tracker_renewal.h"
#include "dm/topology/volume_table.h"

namespace dmjob::dm {
namespace {

bool is_mirroring(const std::optional<WriteMode>& writes) {
  return writes && writes->kind == WriteMode::Kind::kMirroring;
}

}  // namespace

CopyStack::CopyStack(Control& control, Ledger& ledger, CopyStackSpec spec)
    : control_(control),
      ledger_(ledger),
      spec_(std::move(spec)),
      inner_(control, spec_.job, spec_.uuid, spec_.has_target ? kInnerParts : kTrackerParts),
      volume_(control, spec_.volume),
      target_(spec_.target) {}

// --- building
// -------------------------------------------------------------------------------------

Table CopyStack::own_table() {
  Table table = checked_volume_table(control_, spec_.volume);
  const auto deps = control_.deps(spec_.volume);
  if (target_ == control_.find(spec_.volume).value().dev ||
      std::count(deps.begin(), deps.end(), target_) != 0) {
    fail(EINVAL, spec_.volume + " itself stands on the target");
  }
  return table;
}

Plan CopyStack::build_plan(const Table& own, int first_log) const {
  const auto named = [this](const std::string& part) {
    return DeviceWord::named(inner_.name(part));
  };
  const std::uint64_t length = own.sectors();
  const bool in_target = spec_.has_target && spec_.scratch == 0;
  const DeviceWord scratch = in_target ? named(kTargetPart) : DeviceWord(spec_.scratch);
  Plan plan = inner_.removal(kTargetPart);
  for (int log = 0; log < kLogs; ++log) {
    const std::uint64_t offset = spec_.log_offset[static_cast<std::size_t>(log)];
    plan.push_back(Step::create(
        inner_.hidden(log_part(log), linear_table(spec_.log_length, scratch, offset))));
  }
  plan.push_back(Step::create(inner_.hidden("base", own)));
  plan.push_back(Step::create(inner_.hidden("err", failing_table(length, named("base")))));
  plan.push_back(
      Step::create(inner_.hidden("wr", tracker_table(length, named(log_part(first_log)),
                                                     spec_.region, named("base"), named("err")))));
  return plan;
}

void CopyStack::build(int first_log) {
  if (!devices().contains(kTargetPart) && spec_.has_target) fail(EINVAL, "the target is not held");
  const Table own = own_table();
  inner_.check_leftovers(spec_.volume);
  run_plan(control_, build_plan(own, first_log));
  base_ = control_.find(inner_.name("base")).value().dev;
}

void CopyStack::build_with_volume(NewDevice volume, int first_log) {
  if (control_.find(volume.name)) fail(EEXIST, volume.name + " is there already");
  Plan plan = build_plan(volume.table, first_log);
  volume.table = bypass_table(volume.table.sectors(), DeviceWord::named(inner_.name("base")),
                              DeviceWord::named(wr()));
  plan.push_back(Step::create(std::move(volume)));
  run_plan(control_, plan);
  ledger_.guard_tracker(wr());
  base_ = control_.find(inner_.name("base")).value().dev;
}

void CopyStack::interpose() {
  const auto found = devices();
  const Table own = control_.table(inner_.name("base"));
  if (control_.table(spec_.volume) != own) throw TableReplaced(spec_.volume);
  swap(
      spec_.volume, bypass_table(own.sectors(), found.at("base"), found.at("wr")),
      SuspendMode::kFlush, [] {}, own);
  ledger_.guard_tracker(wr());
}

// --- switching ---

void CopyStack::swap(const std::string& name, const Table& table, SuspendMode mode,
                     const Inside& inside, const Table& from) {
  const TableSwitch one{name, table, mode, from};
  switch_tables(control_, ledger_, {&one, 1}, inside);
}

void CopyStack::preload(WriteMode next) {
  const auto found = devices();
  const Table live = control_.table(wr());
  const auto now = writes_of(live, found);
  if (!now) fail(ESTALE, "the table of " + wr() + " is not one of ours");
  ledger_.forget_mirror(wr());
  control_.load(wr(), table_for(next, found, live.sectors()));
  if (is_mirroring(now) && !is_mirroring(next)) ledger_.watch_mirror(wr());
}

std::optional<WriteMode> CopyStack::preloaded() {
  return writes_of(control_.inactive_table(wr()), inner_.find());
}

void CopyStack::switch_writes(SuspendMode mode, const Inside& inside) {
  const std::string name = wr();
  const Table next = control_.inactive_table(name);
  if (next.empty()) fail(EINVAL, "nothing is loaded to switch " + name + " to");
  const auto found = devices();
  // A switch that leaves a mirror is safe with its new table: that holds no writes of a failed
  // target.
  const bool leaves_mirror =
      is_mirroring(writes_of(control_.table(name), found)) && !is_mirroring(writes_of(next, found));
  ledger_.forget_mirror(name);
  try {
    SuspendGuard guard(control_, ledger_, name, mode,
                       leaves_mirror ? OnDeath::kNewTable : OnDeath::kOldTable);
    inside();
    guard.resume();
  } catch (...) {
    try_drop_inactive(control_, name, Droppable::any());
    throw;
  }
}

void CopyStack::release_held_writes() {
  const std::string name = wr();
  const auto device = control_.find(name);
  if (!device || !device->inactive_table) fail(EINVAL, "nothing is loaded to send held writes to");
  ledger_.forget_mirror(name);
  SuspendGuard guard(control_, ledger_, name, SuspendMode::kNoFlush, OnDeath::kNewTable);
  guard.resume();
}

void CopyStack::fail_held_writes() {
  const std::string name = wr();
  const Table live = control_.table(name);
  const bool holds =
      live.segments().size() == 1 && live.segments().front().args.ends_with(" handle_errors");
  const auto text = holds ? mirror_status_text() : std::nullopt;
  if (!text) return;
  const MirrorStatus status = parse_mirror_status(*text);
  if (status.legs.front() == Health::kAlive && status.legs.back() == Health::kAlive) return;
  ledger_.forget_mirror(name);
  swap(name, error_table(live.sectors()), SuspendMode::kNoFlush, [] {});
}

bool CopyStack::renew_tracker() {
  const std::string name = wr();
  if (!fails_good_writes(control_, name)) return false;
  const Table live = control_.table(name);
  if (!is_tracker(live)) return false;
  swap(name, live, SuspendMode::kNoFlush, [&] { require_well_log(control_, name); });
  return true;
}

std::vector<TableSwitch> CopyStack::rotation(int log) {
  const auto found = devices();
  const Table volume = require_interposed(found);
  const Table next = table_for({WriteMode::Kind::kTracking, log}, found, volume.sectors());
  return {{volume_.name(), volume, SuspendMode::kFreeze, volume},
          {wr(), next, SuspendMode::kFlush}};
}

// --- taking away ---

void CopyStack::pass_writes() {
  const Table live = control_.table(wr());
  ledger_.forget_mirror(wr());
  swap(wr(), linear_table(live.sectors(), devices().at("base")), SuspendMode::kNoFlush, [] {});
}

void CopyStack::put_own_table_back(SuspendMode mode) {
  if (mode == SuspendMode::kNoFlush || side_failed()) pass_writes();
  const Table own = control_.table(inner_.name("base"));
  swap(volume_.name(), own, SuspendMode::kFlush, [] {}, volume_.seen());
}

void CopyStack::withdraw(SuspendMode mode) {
  assert(mode != SuspendMode::kFreeze);
  const auto found = devices();
  const auto state = volume_state(found);
  const bool replaced =
      state == Found::Volume::kOther && found.contains("base") && !has_own_table(found);
  if (state == Found::Volume::kInterposed) put_own_table_back(mode);
  remove_inner();
  if (replaced) throw TableReplaced(spec_.volume);
}

void CopyStack::remove_inner() {
  ledger_.forget_mirror(wr());
  inner_.remove(kTargetPart);
  ledger_.forget_tracker(wr());
}

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/copy_stack.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <iterator>
#include <system_error>
#include <utility>

#include "dm/name.h"
#include "dm/status.h"
#include "dm/targets.h"
#include "dm/topology/inner_parts.h"
#include "dm/topology/stateless.h"

namespace dmjob::dm {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

bool is_mirroring(const std::optional<WriteMode>& writes) {
  return writes && writes->kind == WriteMode::Kind::kMirroring;
}

}  // namespace

CopyStack::CopyStack(Control& control, Ledger& ledger, CopyStackSpec spec)
    : control_(control), ledger_(ledger), spec_(std::move(spec)) {}

std::string CopyStack::inner(const std::string& part) const { return inner_name(spec_.job, part); }

std::string CopyStack::uuid_of(const std::string& part) const {
  return inner_uuid(spec_.uuid, part);
}

NewDevice CopyStack::hidden(const std::string& part, Table table) const {
  return {inner(part), uuid_of(part), std::move(table), Visibility::kHidden, false};
}

// --- building
// -------------------------------------------------------------------------------------

Table CopyStack::checked_volume_table() {
  const std::string& name = spec_.volume;
  const auto volume = control_.find(name);
  if (!volume) fail(ENODEV, "no device-mapper volume " + name);
  if (volume->suspended) fail(EBUSY, name + " is suspended, by somebody else");
  if (volume->read_only) fail(EROFS, name + " is read-only");
  if (volume->inactive_table) fail(EBUSY, "somebody else has loaded a table for " + name);
  Table table = control_.table(name);
  if (table.sectors() == 0) fail(EINVAL, name + " is empty");
  const std::string stateful = first_stateful_target(table);
  if (!stateful.empty()) {
    fail(EOPNOTSUPP, name + " has a " + stateful + " target, which must not be active twice");
  }
  const auto deps = control_.deps(name);
  if (spec_.target == volume->dev || std::count(deps.begin(), deps.end(), spec_.target) != 0) {
    fail(EINVAL, name + " itself stands on the target");
  }
  return table;
}

void CopyStack::check_leftovers() {
  const auto below = control_.deps(spec_.volume);
  for (const char* part : kInnerParts) {
    const auto device = control_.find(inner(part));
    if (!device) continue;
    if (device->uuid != uuid_of(part)) {
      fail(EEXIST, device->name + " exists and is not this job's, UUID \"" + device->uuid + '"');
    }
    if (std::count(below.begin(), below.end(), device->dev) != 0) {
      fail(EBUSY, spec_.volume + " still stands on " + device->name);
    }
  }
}

Plan CopyStack::build_plan(const Table& own, int first_log) const {
  const auto named = [this](const std::string& part) { return DeviceWord::named(inner(part)); };
  const std::uint64_t length = own.sectors();
  Plan plan;
  for (auto part = std::rbegin(kInnerParts); part != std::rend(kInnerParts); ++part) {
    plan.push_back(Step::remove(inner(*part), uuid_of(*part)));
  }
  for (int log = 0; log < kLogs; ++log) {
    const std::uint64_t offset = spec_.log_offset[static_cast<std::size_t>(log)];
    plan.push_back(
        Step::create(hidden(log_part(log), linear_table(spec_.log_length, spec_.scratch, offset))));
  }
  plan.push_back(Step::create(hidden("err", error_table(length))));
  plan.push_back(Step::create(hidden("base", own)));
  plan.push_back(
      Step::create(hidden("wr", tracker_table(length, named(log_part(first_log)), spec_.region,
                                              named("base"), named("err")))));
  return plan;
}

void CopyStack::build(int first_log) {
  const Table own = checked_volume_table();
  check_leftovers();
  run_plan(control_, build_plan(own, first_log));
  base_ = control_.find(inner("base")).value().dev;
}

void CopyStack::interpose() {
  const auto found = devices();
  const Table own = control_.table(inner("base"));
  if (control_.table(spec_.volume) != own) {
    fail(ESTALE, "somebody else has changed the table of " + spec_.volume);
  }
  swap(spec_.volume, bypass_table(own.sectors(), found.at("base"), found.at("wr")),
       SuspendMode::kFlush, [] {});
}

// --- switching
// ------------------------------------------------------------------------------------

void CopyStack::drop_inactive(const std::string& name) noexcept {
  try {
    const auto device = control_.find(name);
    if (device && device->inactive_table) control_.clear(name);
  } catch (...) {  // called on the way of another error, which is the one to report
  }
}

void CopyStack::swap(const std::string& name, const Table& table, SuspendMode mode,
                     const Inside& inside) {
  control_.load(name, table);
  try {
    SuspendGuard guard(control_, ledger_, name, mode, OnDeath::kOldTable);
    inside();
    guard.on_death(OnDeath::kNewTable);
    guard.resume();
  } catch (...) {
    drop_inactive(name);
    throw;
  }
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

void CopyStack::switch_writes(SuspendMode mode, const Inside& inside) {
  const std::string name = wr();
  const Table next = control_.inactive_table(name);
  if (next.empty()) fail(EINVAL, "nothing is loaded to switch " + name + " to");
  const auto found = devices();
  // Of a mirror that is left, the new table is the safe one: it holds no writes of a failed target.
  const bool leaves_mirror =
      is_mirroring(writes_of(control_.table(name), found)) && !is_mirroring(writes_of(next, found));
  ledger_.forget_mirror(name);
  try {
    SuspendGuard guard(control_, ledger_, name, mode,
                       leaves_mirror ? OnDeath::kNewTable : OnDeath::kOldTable);
    inside();
    guard.resume();
  } catch (...) {
    drop_inactive(name);
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

// --- taking away
// ----------------------------------------------------------------------------------

void CopyStack::pass_writes() {
  const Table live = control_.table(wr());
  ledger_.forget_mirror(wr());
  swap(wr(), linear_table(live.sectors(), devices().at("base")), SuspendMode::kNoFlush, [] {});
}

void CopyStack::put_own_table_back(SuspendMode mode, const Inside& inside) {
  if (mode == SuspendMode::kFreeze) {
    const Ending keep{this, End::kKeep};
    return end_together({&keep, 1}, inside);
  }
  if (mode == SuspendMode::kNoFlush || side_failed()) pass_writes();
  swap(spec_.volume, control_.table(inner("base")), SuspendMode::kFlush, inside);
}

void CopyStack::withdraw(SuspendMode mode, const Inside& inside) {
  const auto found = devices();
  const auto state = volume_state(found);
  const bool replaced =
      state == Found::Volume::kOther && found.contains("base") && !has_ended(End::kKeep);
  if (state == Found::Volume::kInterposed) put_own_table_back(mode, inside);
  remove_inner();
  if (replaced) {
    fail(ESTALE, "somebody else has replaced the table of " + spec_.volume + "; it was left so");
  }
}

void CopyStack::remove_inner() {
  std::exception_ptr first_error;
  ledger_.forget_mirror(wr());
  remove_if_ours(control_, wr(), uuid_of("wr"));  // while it is there, all others are in use
  for (auto part = std::rbegin(kInnerParts) + 1; part != std::rend(kInnerParts); ++part) {
    try {
      remove_if_ours(control_, inner(*part), uuid_of(*part));
    } catch (const std::system_error&) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace dmjob::dm

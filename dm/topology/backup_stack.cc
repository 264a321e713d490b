// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/backup_stack.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "dm/error.h"
#include "dm/targets.h"
#include "dm/topology/volume_table.h"

namespace dmjob::dm {
namespace {

constexpr const char* kParts[] = {"cow", "base", "snap"};

}  // namespace

BackupStack::BackupStack(Control& control, Ledger& ledger, BackupStackSpec spec)
    : control_(control),
      ledger_(ledger),
      spec_(std::move(spec)),
      inner_(control, spec_.job, spec_.uuid, kParts),
      volume_(control, spec_.volume) {}

// --- building ---

Table BackupStack::own_table() {
  Table table = checked_volume_table(control_, spec_.volume);
  if (std::ranges::count(control_.deps(spec_.volume), spec_.scratch) != 0) {
    fail(EINVAL, spec_.volume + " itself stands on the scratch");
  }
  return table;
}

// Only the kernel writes to the snapshot.
Plan BackupStack::build_plan(const Table& own) const {
  constexpr bool kReadOnly = true;
  const auto named = [this](const char* part) { return DeviceWord::named(inner_.name(part)); };
  const Table cow = linear_table(spec_.cow_length, spec_.scratch, spec_.cow_offset);
  const Table snap = snapshot_table(own.sectors(), named("base"), named("cow"), spec_.chunk);
  Plan plan = inner_.removal();
  plan.push_back(Step::create(inner_.hidden("cow", cow)));
  plan.push_back(Step::create(inner_.hidden("base", own)));
  plan.push_back(Step::create(inner_.hidden("snap", snap, kReadOnly)));
  return plan;
}

void BackupStack::build() {
  const Table own = own_table();
  inner_.check_leftovers(spec_.volume);
  run_plan(control_, build_plan(own));
}

// --- the instant ---

void BackupStack::interpose(std::span<BackupStack* const> stacks, std::vector<TableSwitch> above,
                            const std::function<void()>& inside) {
  std::vector<TableSwitch> switches = std::move(above);
  for (BackupStack* stack : stacks) {
    const std::string& volume = stack->spec_.volume;
    const Table own = stack->base_table();
    if (stack->control_.table(volume) != own) throw TableReplaced(volume);
    const dev_t base = stack->inner_.find().at("base");
    switches.push_back({volume, origin_table(own.sectors(), base), SuspendMode::kFreeze, own});
  }
  const BackupStack& any = *stacks.front();
  switch_tables(any.control_, any.ledger_, switches, inside);
}

void BackupStack::hold(const std::function<void()>& inside) {
  const Table& from = require_standing();
  hold_device(control_, ledger_, volume_.name(), from, inside);
}

// --- taking away ---

void BackupStack::withdraw() {
  const auto found = inner_.find();
  const bool interposed = is_interposed(found);
  const bool replaced = !interposed && has_foreign_table(found);
  if (interposed) {
    const TableSwitch back{volume_.name(), base_table(), SuspendMode::kFlush, volume_.seen()};
    switch_tables(control_, ledger_, {&back, 1}, [] {});
  }
  inner_.remove();
  if (replaced) throw TableReplaced(spec_.volume);
}

// --- reading back ---

bool BackupStack::is_ours(const Table& table, const InnerDevices::Numbers& found) const {
  const auto base = found.find("base");
  return base != found.end() && table == origin_table(table.sectors(), base->second);
}

bool BackupStack::is_interposed(const InnerDevices::Numbers& found) {
  return found.contains("base") &&
         volume_.stands([&](const Table& table) { return is_ours(table, found); });
}

bool BackupStack::has_foreign_table(const InnerDevices::Numbers& found) {
  if (!found.contains("base")) return false;
  const Table live = volume_.table();
  return !live.empty() && live != base_table();
}

const Table& BackupStack::require_standing() {
  return volume_.require([this] { return is_interposed(inner_.find()); });
}

bool BackupStack::take_up() {
  inner_.resume_leftovers();  // from the bottom up: the volume's I/O passes through these
  const auto found = inner_.find();
  const bool stands = is_interposed(found);  // by its name of now
  const auto ours = [&](const Table& table) { return is_ours(table, found); };
  resume_left_volume(control_, volume_.name(), ours,
                     found.contains("base") ? base_table() : Table{});
  if (found.size() != inner_.count() || !(stands || is_interposed(found))) return false;
  return status().state == SnapshotStatus::State::kValid;
}

SnapshotStatus BackupStack::status() {
  const auto lines = control_.status(inner_.name("snap"));
  if (lines.size() != 1 || lines.front().target != "snapshot") {
    fail(ENODEV, "the snapshot of " + spec_.volume + " is not there");
  }
  return parse_snapshot_status(lines.front().text);
}

dev_t BackupStack::snapshot() const { return inner_.find().at("snap"); }

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/table_switch.h"

#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "dm/suspend_limit.h"
#include "dm/topology/volume_table.h"

namespace dmjob::dm {
namespace {

// Of several devices, since the first ones wait for the last.
constexpr std::chrono::seconds kPatience(5);

// Made with their places, so that nothing is allocated for them once a device is suspended.
using Guards = std::vector<std::optional<SuspendGuard>>;

void require_nothing_loaded(Control& control, const std::string& device) {
  if (control.inactive_table(device).empty()) return;
  throw std::system_error(EBUSY, std::generic_category(),
                          "somebody else has loaded a table for " + device);
}

void load_all(Control& control, std::span<const TableSwitch> switches, std::size_t& loaded) {
  for (; loaded < switches.size(); ++loaded) {
    const TableSwitch& one = switches[loaded];
    if (!one.from.empty()) require_nothing_loaded(control, one.device);
    control.load(one.device, one.table);
  }
}

// Also what was loaded by us may have become another's since.
void require_ours(Control& control, const TableSwitch& one) {
  if (one.from.empty()) return;
  if (control.table(one.device) != one.from || control.inactive_table(one.device) != one.table)
    throw TableReplaced(one.device);
}

void suspend_all(Control& control, Ledger& ledger, std::span<const TableSwitch> switches,
                 Guards& guards) {
  std::vector<Table> tables;
  for (const TableSwitch& one : switches) {
    require_ours(control, one);
    tables.push_back(control.table(one.device));
  }
  std::optional<SuspendLimit> limit;
  if (switches.size() > 1) limit.emplace(kPatience);
  for (std::size_t i = 0; i < switches.size(); ++i) {
    guards[i].emplace(control, ledger, switches[i].device, switches[i].mode, OnDeath::kOldTable,
                      std::move(tables[i]));
  }
}

// Once more, with all suspended.
void require_all_ours(Control& control, std::span<const TableSwitch> switches, Guards& guards) {
  for (std::size_t i = 0; i < switches.size(); ++i) {
    const TableSwitch& one = switches[i];
    if (!one.from.empty() && control.inactive_table(one.device) != one.table)
      guards[i]->leave_inactive();
  }
  for (const TableSwitch& one : switches) require_ours(control, one);
}

// Past the point of no return: one that fails keeps no other from switching.
void resume_all(Guards& guards) {
  std::exception_ptr first_error;
  for (auto& guard : guards)
    if (&guard != &guards.front()) guard->follow(*guards.front());
  for (auto& guard : guards) guard->on_death(OnDeath::kNewTable);  // the first decides for all
  for (auto guard = guards.rbegin(); guard != guards.rend(); ++guard) {
    try {
      (*guard)->resume();
    } catch (const std::system_error&) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
}

void drop_own(Control& control, const TableSwitch& one) noexcept {
  try {
    if (one.from.empty() || control.inactive_table(one.device) == one.table)
      drop_inactive(control, one.device);
  } catch (...) {
  }
}

}  // namespace

void switch_tables(Control& control, Ledger& ledger, std::span<const TableSwitch> switches,
                   const std::function<void()>& inside) {
  std::size_t loaded = 0;
  try {
    load_all(control, switches, loaded);
    Guards guards(switches.size());
    suspend_all(control, ledger, switches, guards);
    require_all_ours(control, switches, guards);
    inside();
    resume_all(guards);
  } catch (...) {
    for (const TableSwitch& one : switches.first(loaded)) drop_own(control, one);
    throw;
  }
  for (const TableSwitch& one : switches)
    if (!one.from.empty() && control.table(one.device) != one.table)
      throw TableReplaced(one.device);
}

void hold_device(Control& control, Ledger& ledger, const std::string& device, const Table& from,
                 const std::function<void()>& inside) {
  constexpr std::chrono::seconds kPatienceOfReaders(2);  // of a volume they wait, too
  require_nothing_loaded(control, device);
  std::optional<SuspendLimit> limit(kPatienceOfReaders);
  SuspendGuard guard(control, ledger, device, SuspendMode::kFlush, OnDeath::kOldTable);
  limit.reset();
  guard.leave_inactive();  // nothing of ours is loaded
  if (control.table(device) != from || !control.inactive_table(device).empty())
    throw TableReplaced(device);
  inside();
  guard.resume();
}

void drop_inactive(Control& control, const std::string& device) noexcept {
  try {
    const auto found = control.find(device);
    if (found && found->inactive_table) control.clear(device);
  } catch (...) {
  }
}

}  // namespace dmjob::dm

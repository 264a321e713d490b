// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/table_switch.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "dm/error.h"
#include "dm/suspend_limit.h"
#include "dm/topology/freezing.h"
#include "dm/topology/volume_table.h"

namespace dmjob::dm {
namespace {

// For several devices, since the first ones wait for the last.
constexpr std::chrono::seconds kTimeout(5);
// For one with those that stand on it: all are users of the same volume.
constexpr std::chrono::seconds kTimeoutWithOne(30);

// Another program has frozen a file system, or is about to; it is looked at once more.
class FreezingRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

Droppable own_of(const TableSwitch& one) {
  return one.from.empty() ? Droppable::any() : Droppable::only(one.table);
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

// Whatever is left without resume_all() is resumed the other way round: a file system that is
// thawed writes to what is below it.
class Suspension {
 public:
  // All that is allocated is, here.
  Suspension(Control& control, Ledger& ledger, std::span<const TableSwitch> switches,
             FrozenElsewhere& frozen)
      : control_(control),
        ledger_(ledger),
        frozen_(frozen),
        switches_(switches),
        timeout_(switches.size() > 1 ? kTimeout : kTimeoutWithOne),
        devices_(suspension_of(control, switches)),
        guards_(devices_.size()) {
    for (const ToSuspend& device : devices_) tables_.push_back(control.table(device.name));
    spare_ = tables_;
  }
  ~Suspension() {
    for (auto& guard : guards_ | std::views::reverse) guard.reset();
  }
  Suspension(const Suspension&) = delete;
  Suspension& operator=(const Suspension&) = delete;

  void suspend_all() {
    std::optional<SuspendLimit> limit;
    if (devices_.size() > 1) limit.emplace(timeout_);
    frozen_.begin_again();
    for (std::size_t i = 0; i < devices_.size(); ++i) suspend(i);
    if (!frozen_.all_at_rest()) throw FreezingRefused(devices_.front().name);
  }

  // With all suspended.
  void require_all_ours() {
    for (const TableSwitch& one : switches_) require_ours(control_, one);
  }

  // Past the point of no return: one that fails keeps no other from switching.
  void resume_all() {
    std::exception_ptr first_error;
    for (auto& guard : guards_)
      if (&guard != &guards_.front()) guard->follow(*guards_.front());
    for (auto& guard : guards_) guard->on_death(OnDeath::kNewTable);  // the first decides for all
    for (auto& guard : guards_ | std::views::reverse) {
      try {
        guard->resume();
      } catch (const std::system_error&) {
        if (!first_error) first_error = std::current_exception();
      }
    }
    if (first_error) std::rethrow_exception(first_error);
  }

 private:
  void suspend(std::size_t i) {
    const ToSuspend& device = devices_[i];
    if (!freeze(i)) {
      if (!frozen_.is_at_rest(device)) throw FreezingRefused(device.name);
      guards_[i].emplace(control_, ledger_, device.name, SuspendMode::kFlush, OnDeath::kOldTable,
                         std::move(spare_[i]), droppable_of(device.name));
    }
  }

  // False if another program has frozen it.
  bool freeze(std::size_t i) {
    const ToSuspend& device = devices_[i];
    try {
      guards_[i].emplace(control_, ledger_, device.name, device.mode, OnDeath::kOldTable,
                         std::move(tables_[i]), droppable_of(device.name));
      return true;
    } catch (const std::system_error& error) {
      const bool refused =
          device.mode == SuspendMode::kFreeze && error.code() == std::errc::device_or_resource_busy;
      if (!refused) throw;
    }
    return false;
  }

  // What was only to be frozen has nothing of ours loaded.
  Droppable droppable_of(const std::string& device) const {
    const auto one = std::ranges::find(switches_, device, &TableSwitch::device);
    if (one == switches_.end()) return Droppable::none();
    return own_of(*one);
  }

  Control& control_;
  Ledger& ledger_;
  FrozenElsewhere& frozen_;
  const std::span<const TableSwitch> switches_;
  const std::chrono::seconds timeout_;
  const std::vector<ToSuspend> devices_;
  std::vector<Table> tables_;
  std::vector<Table> spare_;  // for a second try
  std::vector<std::optional<SuspendGuard>> guards_;
};

void try_switch(Control& control, Ledger& ledger, std::span<const TableSwitch> switches,
                FrozenElsewhere& frozen, const std::function<void()>& inside) {
  std::size_t loaded = 0;
  try {
    load_all(control, switches, loaded);
    for (const TableSwitch& one : switches) require_ours(control, one);
    Suspension suspension(control, ledger, switches, frozen);
    suspension.suspend_all();
    suspension.require_all_ours();
    inside();
    suspension.resume_all();
  } catch (...) {
    for (const TableSwitch& one : switches.first(loaded))
      try_drop_inactive(control, one.device, own_of(one));
    throw;
  }
  for (const TableSwitch& one : switches)
    if (!one.from.empty() && control.table(one.device) != one.table)
      throw TableReplaced(one.device);
}

}  // namespace

void switch_tables(Control& control, Ledger& ledger, std::span<const TableSwitch> switches,
                   const std::function<void()>& inside) {
  constexpr int kTries = 5;
  constexpr std::chrono::milliseconds kBetween(500);
  FrozenElsewhere frozen(control);
  std::string busy;
  for (int i = 0; i < kTries; ++i) {
    try {
      return try_switch(control, ledger, switches, frozen, inside);
    } catch (const FreezingRefused& refused) {
      busy = refused.what();
    }
    std::this_thread::sleep_for(kBetween);
  }
  fail(EBUSY, "the file system on " + busy +
                  " is frozen by somebody else (fsfreeze?), and written to all the "
                  "same, or not yet at rest; try again");
}

void hold_device(Control& control, Ledger& ledger, const std::string& device, const Table& from,
                 const std::function<void()>& inside) {
  constexpr std::chrono::seconds kTimeoutOfReaders(2);  // of a volume they wait, too
  require_nothing_loaded(control, device);
  std::optional<SuspendLimit> limit(kTimeoutOfReaders);
  SuspendGuard guard(control, ledger, device, SuspendMode::kFlush, OnDeath::kOldTable,
                     Droppable::none());
  limit.reset();
  require_still(control, device, from);
  inside();
  guard.resume();
}

void require_nothing_loaded(Control& control, const std::string& device) {
  if (control.inactive_table(device).empty()) return;
  fail(EBUSY, "somebody else has loaded a table for " + device);
}

void require_still(Control& control, const std::string& device, const Table& from) {
  if (control.table(device) != from || !control.inactive_table(device).empty())
    throw TableReplaced(device);
}

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The ledger that the daemon and its guardian share: a page of memory that both see. A slot is
// taken by whoever moves it from kFree to kBusy, then written, then given its meaning; so the
// guardian never reads a half-written name.
//
// Thread: any, of both processes. Nothing allocates, throws or blocks, but take_over().
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "dm/droppable.h"

namespace dmjob::daemon {

struct GuardianPage {
  enum class Meaning : int {
    kFree,
    kBusy,
    // By the daemon: what its guardian is to do once it is gone.
    kOldTable,
    kNewTable,
    kMirror,
    kTracker,
    // Left by an earlier daemon, and not taken up yet: the guardian looks after it at once. kActing
    // for as long as it does more than look.
    kInherited,
    kActing,
  };
  struct Slot {
    std::atomic<Meaning> meaning;
    std::atomic<const Slot*> leader;       // of this page, at the same address for both; null: none
    std::atomic<std::uint64_t> droppable;  // dm::Droppable, of a suspended one with kOldTable
    std::array<char, 128> name;
    bool is(std::string_view other) const { return other == name.data(); }
    bool suspended() const {
      const Meaning now = meaning;
      return now == Meaning::kOldTable || now == Meaning::kNewTable;
    }
    bool takes_new_table() const {
      const Slot* decides = leader;
      return meaning == Meaning::kNewTable || (decides && decides->meaning == Meaning::kNewTable);
    }
    dm::Droppable to_drop() const {
      return takes_new_table() ? dm::Droppable::none() : dm::Droppable::of_mark(droppable);
    }
    bool is_tracker() const {
      const Meaning now = meaning;
      return now == Meaning::kTracker || now == Meaning::kInherited || now == Meaning::kActing;
    }
    // False if it meant something else.
    bool change(Meaning from, Meaning to) noexcept {
      return meaning.compare_exchange_strong(from, to);
    }
  };
  // More than a host has jobs; what does not fit is not guarded.
  std::array<Slot, 256> slots;

  void note(const std::string& name, Meaning meaning,
            dm::Droppable droppable = dm::Droppable::none()) noexcept;
  void forget(const std::string& name, Meaning meaning) noexcept;
  Slot* find_suspended(const std::string& name) noexcept;
  // The guardian leaves an inherited tracker alone from here on. Waits while it is just acting, and
  // `lives` says that there is a guardian.
  void take_over(const std::string& name, const std::function<bool()>& lives) noexcept;
};

}  // namespace dmjob::daemon

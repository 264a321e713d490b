// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which table that is loaded for a suspended device is dropped where the device is to go on with
// the one that it had. Of a device for which others load tables, too, only what we have loaded: a
// table of theirs becomes live with our resume, as it would with their own.
//
// Thread: any (value, without memory of its own: it is noted with devices suspended, and read by
// another process).
#pragma once

#include <cstdint>
#include <string>

#include "dm/control.h"

namespace dmjob::dm {

class Droppable {
 public:
  // For a device that no other program knows.
  static constexpr Droppable any() { return Droppable(kAny); }
  // Nothing of ours is loaded.
  static constexpr Droppable none() { return Droppable(kNone); }
  // As the kernel prints it.
  static Droppable only(const Table& table) noexcept;
  static constexpr Droppable of_mark(std::uint64_t mark) { return Droppable(mark); }

  std::uint64_t mark() const { return mark_; }
  bool includes(const Table& table) const noexcept;
  bool operator==(const Droppable&) const = default;

 private:
  static constexpr std::uint64_t kNone = 0;
  static constexpr std::uint64_t kAny = 1;
  explicit constexpr Droppable(std::uint64_t mark) : mark_(mark) {}

  std::uint64_t mark_;  // else: a hash of the only one
};

// Drops the device's inactive table, if it has one and that is to be dropped.
void drop_inactive(Control& control, const std::string& device, Droppable droppable);
// On the way of another error, which is the one to report.
void try_drop_inactive(Control& control, const std::string& device, Droppable droppable) noexcept;

}  // namespace dmjob::dm

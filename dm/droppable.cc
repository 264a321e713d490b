// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/droppable.h"

#include <string_view>

namespace dmjob::dm {
namespace {

// FNV-1a.
class Hash {
 public:
  void add(std::string_view text) noexcept {
    for (const char character : text) add_byte(static_cast<unsigned char>(character));
    add_byte(0);
  }
  void add(std::uint64_t number) noexcept {
    for (int i = 0; i < 8; ++i, number >>= 8) add_byte(static_cast<unsigned char>(number));
  }
  std::uint64_t value() const noexcept { return value_; }

 private:
  void add_byte(unsigned char byte) noexcept { value_ = (value_ ^ byte) * 0x100000001b3; }

  std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace

Droppable Droppable::only(const Table& table) noexcept {
  Hash hash;
  for (const Segment& segment : table.segments()) {
    hash.add(segment.start);
    hash.add(segment.length);
    hash.add(segment.target);
    hash.add(segment.args);
  }
  constexpr std::uint64_t kHash = std::uint64_t{1} << 63;  // neither kNone nor kAny
  return Droppable(hash.value() | kHash);
}

bool Droppable::includes(const Table& table) const noexcept {
  return *this == any() || *this == only(table);
}

void drop_inactive(Control& control, const std::string& device, Droppable droppable) {
  if (droppable == Droppable::none()) return;
  const bool drops =
      droppable == Droppable::any() || droppable.includes(control.inactive_table(device));
  if (drops) control.clear(device);
}

void try_drop_inactive(Control& control, const std::string& device, Droppable droppable) noexcept {
  try {
    const auto found = control.find(device);
    if (found && found->inactive_table) drop_inactive(control, device, droppable);
  } catch (...) {
  }
}

}  // namespace dmjob::dm

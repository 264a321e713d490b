// SPDX-License-Identifier: LGPL-2.1-or-later
// The room of a volume's cow: how much of it is certain to be there, and more of it.
#include <algorithm>

#include "libjob/io/units.h"
#include "libjob/volumes/overlay_device.h"

namespace dmjob::volumes {
namespace {

using Kind = dm::OverlayStack::Kind;

// Bytes: the cow grows by a part of itself, so that the steps are few, yet none takes all there is.
constexpr std::uint64_t kLeastSlice = 16 << 20;
constexpr std::uint64_t kMostSlice = 1 << 30;

}  // namespace

bool OverlayDevice::reserve_first() {
  const std::uint64_t least = least_bytes(volume_.overlay->chunk);
  return space_.reserve(least + kLeastSlice) || space_.reserve(least);
}

std::uint64_t OverlayDevice::boundary_of(std::uint64_t reserved_bytes) const {
  const std::uint64_t chunk = volume_.overlay->chunk * io::kSector;
  const std::uint64_t most = store::CowSpace::most_bytes(volume_.sectors * io::kSector, chunk);
  if (reserved_bytes >= most) return length();
  const std::uint64_t margin = dm::OverlayStack::margin(volume_.overlay->chunk);
  const std::uint64_t reserved = reserved_bytes / chunk * volume_.overlay->chunk;
  return reserved > margin ? reserved - margin : 0;
}

bool is_given_up(const dm::OverlayStack::State& state) {
  using Word = dm::SnapshotStatus::State;
  const bool has_cow = state.kind == Kind::kHolding || state.kind == Kind::kMerging;
  return state.kind == Kind::kFailing || (has_cow && (state.status.state == Word::kInvalid ||
                                                      state.status.state == Word::kOverflow));
}

bool is_nearly_full(const dm::OverlayStack::State& state) {
  constexpr std::uint64_t kEnough = kLeastSlice / 2 / io::kSector;
  return state.kind == Kind::kHolding && state.boundary < state.status.total &&
         state.status.used + kEnough > state.boundary;
}

// A volume that holds: a write that waits with so much in use can be let go once more.
bool OverlayDevice::has_room(std::uint64_t used) const {
  const std::uint64_t boundary = boundary_of(space_.reserved());
  return boundary >= length() || used <= boundary;
}

// A disk ends where the kernel sees it.
bool OverlayDevice::has_room_to_let_go() {
  const auto state = stack_.look();
  const bool may_wait = state.kind == Kind::kHolding && state.boundary < length();
  if (!may_wait || !volume_.overlay->cow.place.is_file()) return true;
  const std::uint64_t most = dm::OverlayStack::most_waiting(volume_.overlay->chunk);
  return state.status.used <= state.boundary + most || make_room().can_grow;
}

// As much as there is, from margin() up to a slice: what waits behind the old boundary is let go
// when it is moved, and as much may be behind the new one before that holds it.
bool OverlayDevice::grow_beyond(std::uint64_t boundary) {
  const std::uint64_t margin = dm::OverlayStack::margin(volume_.overlay->chunk) * io::kSector;
  std::uint64_t slice = std::max(std::clamp(space_.bytes() / 8, kLeastSlice, kMostSlice), margin);
  while (!space_.reserve(boundary * io::kSector + margin + slice)) {
    if (slice == margin) return false;
    slice = std::max(slice / 2, margin);
  }
  return true;
}

OverlayDevice::Room OverlayDevice::make_room() {
  Room room{.state = stack_.look(), .can_grow = true};
  const std::uint64_t boundary = room.state.boundary;
  if (!is_nearly_full(room.state)) return room;
  room.can_grow = space_.has_name() && space_.take_up() &&
                  grow_beyond(std::max(boundary, room.state.status.used));
  const std::uint64_t now = boundary_of(space_.reserved());
  const std::uint64_t margin = dm::OverlayStack::margin(volume_.overlay->chunk);
  if (now < length() && now < boundary + margin) room.can_grow = false;
  if (!room.can_grow) return room;
  stack_.move_boundary(now);
  room.state = stack_.look();
  return room;
}

}  // namespace dmjob::volumes

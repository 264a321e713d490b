// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/overlay_device.h"

#include <endian.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>
#include <utility>

#include "dm/topology/write_cache.h"
#include "libjob/core/error.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/io/disk_identity.h"
#include "libjob/io/probe.h"
#include "libjob/store/superblock.h"

namespace dmjob::volumes {
namespace {

using core::Error;
using Kind = dm::OverlayStack::Kind;

// Bytes: the cow grows by a part of itself, so that the steps are few, yet none takes all there is.
constexpr std::uint64_t kLeastSlice = 16 << 20;
constexpr std::uint64_t kMostSlice = 1 << 30;
constexpr std::uint64_t kSmallestStep = 1 << 20;

void require_same(const io::DiskIdentity& before, const std::string& path,
                  const std::string& role) {
  if (io::is_another_disk(before, path))
    throw Error("another disk is in the place of its " + role + " " + path);
}

dm::OverlaySpec bare_spec(const ManagedVolume& volume) {
  dm::OverlaySpec spec;
  spec.volume = volume.name;
  spec.uuid = volume.uuid;
  spec.length = volume.sectors;
  return spec;
}

bool has_mark(const ManagedVolume& volume) {
  const auto kind = volume.overlay->cow.place.kind;
  return kind == store::ScratchPlace::Kind::kDevice || kind == store::ScratchPlace::Kind::kTail;
}

std::uint64_t mark_offset(const ManagedVolume& volume) {
  return volume.overlay->cow.place.offset - OverlayDevice::kMarkBytes;
}

bool is_marked(io::BlockDevice& disk, const ManagedVolume& volume) {
  io::AlignedBuffer block(OverlayDevice::kMarkBytes);
  if (const auto error = disk.read(mark_offset(volume), block.bytes()))
    throw std::system_error(error, "scratch " + disk.path());
  const auto mark = store::decode(block.bytes());
  return mark && mark->job_uuid == volume.uuid;
}

// Nobody is to take it for a cow that is in use. If the disk is gone, so is the danger; whatever
// else its path leads to by now is not ours to write to.
void wipe_mark(const ManagedVolume& volume) noexcept {
  try {
    const std::string& path = volume.overlay->cow.place.path;
    if (io::is_another_disk(volume.overlay->cow_disk, path)) return;
    const auto disk = io::open_device(path, io::Access::kReadWrite);
    if (!is_marked(*disk, volume)) return;
    const io::AlignedBuffer zeroes(OverlayDevice::kMarkBytes);
    std::error_code error = disk->write(mark_offset(volume), zeroes.bytes());
    if (!error) error = disk->flush();
  } catch (const std::system_error&) {
  }
}

}  // namespace

std::uint64_t OverlayDevice::least_bytes(std::uint64_t chunk) {
  constexpr std::uint64_t kUseful = 16;  // chunks that can be written to before writes wait
  return (dm::OverlayStack::margin(chunk) + kUseful * chunk) * 512;
}

OverlayDevice::OverlayDevice(dm::Control& control, dm::Ledger& ledger, ManagedVolume volume,
                             bool make)
    : control_(control),
      volume_(std::move(volume)),
      origin_(disk_of(volume_).dev),
      space_(store::CowSpace::open(volume_.overlay->cow, make)),
      stack_(control, ledger,
             {.volume = volume_.name,
              .uuid = volume_.uuid,
              .length = volume_.sectors,
              .cow_disk = space_.dev(),
              .cow_offset = space_.offset() / 512,
              .cow_length = length(),
              .chunk = volume_.overlay->chunk}) {
  require_same(volume_.overlay->origin_disk, volume_.device, "disk");
  if (!make) {
    check_mark();
    return;
  }
  if (!space_.reserve(least_bytes(volume_.overlay->chunk) + kLeastSlice) &&
      !space_.reserve(least_bytes(volume_.overlay->chunk)))
    throw Error("scratch " + volume_.overlay->cow.place.path +
                " has no room: name another with --scratch");
  if (has_mark(volume_)) make_mark();
}

// --- the mark ---

void OverlayDevice::make_mark() const {
  const auto disk = io::open_device(space_.dev(), io::Access::kReadWrite);
  io::AlignedBuffer block(kMarkBytes);
  store::encode({.sequence = 1,
                 .volume_size = volume_.sectors * 512,
                 .granularity = volume_.overlay->chunk * 512,
                 .job_uuid = volume_.uuid},
                block.bytes());
  std::error_code error = disk->write(mark_offset(volume_), block.bytes());
  if (!error) error = disk->flush();
  if (error) throw std::system_error(error, "scratch " + disk->path());
}

void OverlayDevice::check_mark() const {
  require_same(volume_.overlay->cow_disk, volume_.overlay->cow.place.path, "scratch");
  if (!has_mark(volume_)) return;
  const auto disk = io::open_device(space_.dev(), io::Access::kRead);
  if (!is_marked(*disk, volume_))
    throw Error("scratch " + volume_.overlay->cow.place.path +
                " does not hold what was written to '" + volume_.name +
                "': it is another disk, or was overwritten");
}

// struct disk_header of dm-snap-persistent.c: magic, valid, version, chunk size; 32 bits each.
void OverlayDevice::mark_valid() const {
  constexpr std::uint32_t kMagic = 0x70416e53;
  const auto disk = io::open_device(space_.dev(), io::Access::kReadWrite);
  io::AlignedBuffer block(disk->alignment());
  std::error_code error = disk->read(space_.offset(), block.bytes());
  std::array<std::uint32_t, 2> head{};
  std::memcpy(head.data(), block.bytes().data(), sizeof head);
  if (!error && le32toh(head[0]) != kMagic) error = std::make_error_code(std::errc::bad_message);
  head[1] = htole32(1);
  std::memcpy(block.bytes().data(), head.data(), sizeof head);
  if (!error) error = disk->write(space_.offset(), block.bytes());
  if (!error) error = disk->flush();
  if (error) throw std::system_error(error, "scratch " + disk->path());
}

// --- the steps ---

bool OverlayDevice::activate() {
  const bool merging = volume_.overlay->stage == Overlay::Stage::kMerging;
  const auto found = stack_.look();
  if (found.kind == Kind::kLinear && !merging) return false;
  if (!space_.reserve(space_.allocated()))
    throw Error("scratch " + volume_.overlay->cow.place.path + " has lost room that it had");
  // A merge needs all of the cow, a volume that holds must not fill it.
  stack_.make_cow(merging ? length() : boundary_of(space_.reserved()));
  check_mark();  // dm has it now
  if (found.kind == Kind::kNone)
    stack_.make_volume(merging ? Kind::kMerging : Kind::kHolding, origin_);
  return true;
}

void OverlayDevice::hold() {
  stack_.make_cow(boundary_of(space_.reserved()));
  check_mark();  // nobody else had it until dm took it
  stack_.hold(origin_);
}

void OverlayDevice::mend() {
  if (!is_given_up(stack_.look())) return;
  mark_valid();
  const bool merging = volume_.overlay->stage == Overlay::Stage::kMerging;
  stack_.renew(merging ? Kind::kMerging : Kind::kHolding, origin_);
}

void OverlayDevice::check_merge() {
  dm::require_followers(control_, volume_.name, dm::linear_table(volume_.sectors, origin_));
}

void OverlayDevice::begin_merge() { stack_.begin_merge(origin_); }

bool OverlayDevice::pause_merge() {
  const auto state = stack_.look();
  const std::uint64_t margin = dm::OverlayStack::margin(volume_.overlay->chunk);
  const std::uint64_t boundary = boundary_of(space_.allocated());
  if (boundary < length() && state.status.used + margin > length()) return false;
  stack_.pause_merge(origin_, boundary);
  return true;
}

void discard_overlay(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  const dev_t disk = disk_of(volume).dev;
  dm::OverlayStack stack(control, ledger, bare_spec(volume));
  const Kind kind = stack.look().kind;
  if (kind == Kind::kNone)
    stack.make_volume(Kind::kLinear, disk);
  else if (kind != Kind::kLinear)
    stack.end(disk);
  forget_cow(control, ledger, volume);
}

void forget_cow(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  dm::OverlayStack(control, ledger, bare_spec(volume)).remove_cow();
  if (has_mark(volume)) wipe_mark(volume);
  store::CowSpace::remove(volume.overlay->cow);
}

dm::OverlayStack::State look_at(dm::Control& control, dm::Ledger& ledger,
                                const ManagedVolume& volume) {
  return dm::OverlayStack(control, ledger, bare_spec(volume)).look();
}

// --- room ---

std::uint64_t OverlayDevice::boundary_of(std::uint64_t reserved_bytes) const {
  const std::uint64_t chunk = volume_.overlay->chunk * 512;
  const std::uint64_t most = store::CowSpace::most_bytes(volume_.sectors * 512, chunk);
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
  constexpr std::uint64_t kEnough = kLeastSlice / 2 / 512;
  return state.kind == Kind::kHolding && state.boundary < state.status.total &&
         state.status.used + kEnough > state.boundary;
}

// As much as there is, up to a slice. False: none at all.
bool OverlayDevice::grow_beyond(std::uint64_t used) {
  const std::uint64_t margin = dm::OverlayStack::margin(volume_.overlay->chunk);
  const std::uint64_t needed = (used + margin) * 512;
  std::uint64_t slice = std::clamp(space_.bytes() / 8, kLeastSlice, kMostSlice);
  for (; slice >= kSmallestStep; slice /= 2)
    if (space_.reserve(needed + slice)) return true;
  return false;
}

OverlayDevice::Room OverlayDevice::make_room() {
  Room room{.state = stack_.look(), .can_grow = true};
  const std::uint64_t boundary = room.state.boundary;
  if (!is_nearly_full(room.state)) return room;
  room.can_grow = grow_beyond(room.state.status.used);
  const std::uint64_t now = boundary_of(space_.reserved());
  if (now <= boundary) {
    room.can_grow = false;
    return room;
  }
  stack_.move_boundary(now);
  room.state = stack_.look();
  return room;
}

}  // namespace dmjob::volumes

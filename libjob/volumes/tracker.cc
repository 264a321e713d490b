// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/tracker.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include "dm/mirror_log.h"
#include "dm/name.h"
#include "dm/status.h"
#include "libjob/io/units.h"
#include "libjob/volumes/activation.h"

namespace dmjob::volumes {
namespace {

std::uint64_t count_regions(std::uint64_t bytes, std::uint64_t granularity) {
  return bytes / granularity + (bytes % granularity != 0);
}

std::uint64_t bytes_of(const ManagedVolume& volume) { return volume.sectors * io::kSector; }

// Without a place on scratch: enough for what is there already.
dm::CopyStackSpec bare_spec(const ManagedVolume& volume) {
  dm::CopyStackSpec spec;
  spec.job = Tracker::id_of(volume.name);
  spec.uuid = volume.tracking->uuid;
  spec.volume = volume.name;
  spec.region = volume.tracking->granularity / io::kSector;
  return spec;
}

dm::CopyStackSpec spec_on(const ManagedVolume& volume, const store::OpenScratch& device,
                          const store::ScratchLayout& layout) {
  dm::CopyStackSpec spec = bare_spec(volume);
  spec.scratch = device.dev;
  for (std::size_t slot = 0; slot < spec.log_offset.size(); ++slot)
    spec.log_offset.at(slot) = (device.offset + layout.log.at(slot)) / io::kSector;
  spec.log_length = layout.log_bytes / io::kSector;
  return spec;
}

store::OpenScratch open_device(const ManagedVolume& volume, bool make) {
  const Tracking& tracking = *volume.tracking;
  return store::open_scratch(tracking.scratch,
                             Tracker::scratch_bytes(bytes_of(volume), tracking.granularity),
                             store::ScratchUse::kDm, make);
}

store::Scratch make_scratch(const ManagedVolume& volume, store::OpenScratch& device) {
  const std::uint64_t granularity = volume.tracking->granularity;
  const std::uint64_t regions = count_regions(bytes_of(volume), granularity);
  return store::Scratch::format(std::move(device.device), device.offset, volume.tracking->uuid,
                                bytes_of(volume), granularity, dm::mirror_log_bytes(regions));
}

}  // namespace

std::uint64_t Tracker::scratch_bytes(std::uint64_t volume_bytes, std::uint64_t granularity) {
  const std::uint64_t regions = count_regions(volume_bytes, granularity);
  return store::scratch_layout(volume_bytes, granularity, dm::mirror_log_bytes(regions)).total;
}

std::string Tracker::base_of(const std::string& volume) {
  return dm::inner_name(id_of(volume), "base");
}

Tracker::Tracker(dm::Control& control, dm::Ledger& ledger, ManagedVolume volume, How how)
    : volume_(std::move(volume)),
      regions_(count_regions(bytes_of(volume_), volume_.tracking->granularity)),
      device_(open_device(volume_, how == How::kMake)),
      scratch_(how == How::kMake ? make_scratch(volume_, device_)
                                 : store::Scratch::open(std::move(device_.device), device_.offset,
                                                        volume_.tracking->uuid)),
      stack_(control, ledger, spec_on(volume_, device_, scratch_->layout())) {}

// --- the logs ---

void Tracker::add_log(int slot, io::DirtyBitmap& to) {
  scratch_->read_log(slot);
  const auto log = scratch_->log_buffer(slot);
  if (!dm::valid_mirror_log(log, regions_))
    throw std::system_error(EBADMSG, std::generic_category(),
                            "a log of the tracker of volume '" + volume_.name + "' is damaged");
  to.add_out_of_sync(dm::mirror_log_bits(log, regions_));
}

void Tracker::write_log(int slot, const io::DirtyBitmap& marks) {
  const auto log = scratch_->log_buffer(slot);
  dm::format_mirror_log(log, regions_, true);
  for (auto run = marks.next(0, 1); run; run = marks.next(run->first + 1, 1))
    dm::mark_region(log, run->first);
  scratch_->write_log(slot);
}

// What they name is in the checkpoint before they name it no more.
std::uint64_t Tracker::merge_logs(std::optional<int> but) {
  io::DirtyBitmap dirty = scratch_->load_checkpoint();
  for (int slot = 0; slot < store::kLogSlots; ++slot)
    if (slot != but) add_log(slot, dirty);
  scratch_->checkpoint(dirty);
  dirty.clear_all();
  for (int slot = 0; slot < store::kLogSlots; ++slot)
    if (slot != but) write_log(slot, dirty);
  return scratch_->sequence();
}

int Tracker::live_log() {
  const auto writes = stack_.find().writes;
  if (!writes || writes->kind != dm::WriteMode::Kind::kTracking)
    throw std::system_error(ENODEV, std::generic_category(),
                            "the tracker of volume '" + volume_.name + "' is not there");
  return writes->log;
}

// The marks of the next one move to the other one that is not in use.
int Tracker::free_a_log() {
  const int live = live_log();
  const int next = (live + 1) % store::kLogSlots;
  const int other = (live + 2) % store::kLogSlots;
  io::DirtyBitmap marks(bytes_of(volume_), volume_.tracking->granularity);
  add_log(next, marks);
  add_log(other, marks);
  write_log(other, marks);
  marks.clear_all();
  write_log(next, marks);
  return next;
}

// --- the devices ---

void Tracker::begin() {
  const io::DirtyBitmap none(bytes_of(volume_), volume_.tracking->granularity);
  for (int slot = 0; slot < store::kLogSlots; ++slot) write_log(slot, none);
  stack_.build(0);
  stack_.interpose();
}

bool Tracker::take_up() {
  const auto found = stack_.take_up();
  return found.volume == dm::CopyStack::Found::Volume::kInterposed && found.writes &&
         found.writes->kind == dm::WriteMode::Kind::kTracking;
}

void Tracker::activate() {
  merge_logs(std::nullopt);
  stack_.build_with_volume(device_of(volume_), 0);
}

void Tracker::rotate() {
  stack_.preload({dm::WriteMode::Kind::kTracking, free_a_log()});
  stack_.switch_writes(dm::SuspendMode::kFlush, [this] { check_log(); });
}

// --- for a backup ---

std::vector<dm::TableSwitch> Tracker::rotation() { return stack_.rotation(free_a_log()); }

void Tracker::check_log() {
  const auto text = stack_.mirror_status_text();
  if (!text || dm::parse_mirror_status(*text).log != dm::Health::kAlive)
    throw std::system_error(EIO, std::generic_category(),
                            "the tracker of volume '" + volume_.name + "' could not write its log");
}

std::uint64_t Tracker::collect() { return merge_logs(live_log()); }

void Tracker::forget(std::uint64_t checkpoint, const io::DirtyBitmap& left) {
  if (scratch_->sequence() == checkpoint) scratch_->checkpoint(left);
}

void Tracker::mark_all() {
  io::DirtyBitmap all(bytes_of(volume_), volume_.tracking->granularity);
  all.set_all();
  scratch_->checkpoint(all);
}

io::DirtyBitmap Tracker::changed() {
  io::DirtyBitmap all = scratch_->load_checkpoint();
  for (int slot = 0; slot < store::kLogSlots; ++slot) add_log(slot, all);
  return all;
}

// --- from outside ---

dm::CopyStack stack_of_tracker(dm::Control& control, dm::Ledger& ledger,
                               const ManagedVolume& volume) {
  return {control, ledger, bare_spec(volume)};
}

TrackerState look_at_tracker(dm::Control& control, const std::string& volume) {
  const std::string wr = dm::inner_name(Tracker::id_of(volume), "wr");
  TrackerState state;
  std::vector<dm::StatusLine> lines;  // by one call, which waits for no lock: it is made often
  try {
    lines = control.status(wr);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::no_such_device_or_address) throw;
  }
  if (lines.size() != 1 || lines.front().target != "mirror") return state;
  const dm::MirrorStatus status = dm::parse_mirror_status(lines.front().text);
  state.there = true;
  state.log_failed = status.log != dm::Health::kAlive;
  state.writes_fail = status.legs.front() != dm::Health::kAlive;
  state.marked = status.regions - status.regions_in_sync;
  return state;
}

TrackerState look_at_tracker(dm::Control& control, const std::string& volume,
                             dm::CopyStack& stack) {
  TrackerState state = look_at_tracker(control, volume);
  if (!state.there) return state;
  try {
    stack.require_standing();
  } catch (const dm::TableReplaced&) {
    state.replaced = true;
  }
  return state;
}

void stop_marking(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  if (!look_at_tracker(control, volume.name).there) return;
  dm::CopyStack stack = stack_of_tracker(control, ledger, volume);
  stack.preload({dm::WriteMode::Kind::kPassing, 0});
  stack.switch_writes(dm::SuspendMode::kNoFlush, [] {});
}

void end_tracking(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  try {
    stack_of_tracker(control, ledger, volume).withdraw(dm::SuspendMode::kFlush);
  } catch (const dm::TableReplaced&) {
    // The volume has the table that another program has given it, and the rest is gone.
  }
  try {
    auto device = open_device(volume, false);
    store::Scratch::open(std::move(device.device), device.offset, volume.tracking->uuid).wipe();
  } catch (const std::system_error&) {
    // It is gone, or has failed: it cannot be taken for a tracker's either.
  }
  store::remove_scratch(volume.tracking->scratch);
}

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/overlay_device.h"

#include <system_error>
#include <utility>

#include "dm/topology/volume_table.h"
#include "dm/topology/write_cache.h"
#include "libjob/core/error.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/io/disk_identity.h"
#include "libjob/io/loop_device.h"
#include "libjob/io/probe.h"
#include "libjob/io/units.h"
#include "libjob/store/superblock.h"
#include "libjob/volumes/activation.h"
#include "libjob/volumes/late_disks.h"

namespace dmjob::volumes {
namespace {

using core::Error;
using Kind = dm::OverlayStack::Kind;
using Head = store::CowHeader::State;

void require_same(const io::DiskIdentity& before, const std::string& path,
                  const std::string& role) {
  if (io::is_another_disk(before, path))
    throw Error("another disk is in the place of its " + role + " " + path);
}

// Not an error for the user: the caller looks whether the kernel has invalidated the cow.
void require_valid(store::CowHeader& header) {
  if (header.read() == Head::kValid) return;
  throw std::system_error(std::make_error_code(std::errc::io_error),
                          "the scratch holds no snapshot that the kernel has not given up");
}

std::string way_out(const ManagedVolume& volume) {
  const bool can_go_back = !volume.overlay->read_only && !volume.overlay->merge_begun;
  return std::string("find out who writes to it, and start the machine again without that") +
         (can_go_back
              ? ", or throw away what the scratch holds (dmjob rollback " + volume.name + ")"
              : "");
}

// After a boot the disk has yet to be written to by anybody, so a mount or a repair of it shows.
// Where the overlay or its merge was begun in this boot, we have written to it ourselves, or by
// right others before us.
void require_untouched(const ManagedVolume& volume, dev_t origin) {
  const std::string now = io::identify_disk(volume.device).instance;
  if (volume.overlay->origin_disk.instance == now) return;
  const std::uint64_t sectors = io::sectors_changed(origin).value_or(0);
  if (sectors == 0) return;
  throw Error(volume.device + " was written to in this boot before volume '" + volume.name +
              "' was active (" + std::to_string(sectors) + " sectors), and what scratch " +
              volume.overlay->cow.place.path + " holds belongs to what it was: " + way_out(volume));
}

dm::OverlaySpec bare_spec(const ManagedVolume& volume) {
  dm::OverlaySpec spec;
  spec.volume = volume.name;
  spec.uuid = volume.uuid;
  spec.length = volume.sectors;
  return spec;
}

std::uint64_t mark_offset(const ManagedVolume& volume) {
  return volume.overlay->cow.place.offset - OverlayDevice::kMarkBytes;
}

// 0 if the cow is no file, or not in the kernel.
dev_t loop_below_cow(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  if (!volume.overlay->cow.place.is_file()) return 0;
  const dev_t loop = dm::OverlayStack(control, ledger, bare_spec(volume)).cow_disk();
  return loop == 0 || io::place_of_file(loop).empty() ? 0 : loop;
}

// After a boot only its name leads to it.
store::CowSpace open_space(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume,
                           bool make) {
  const store::CowPlace& cow = volume.overlay->cow;
  const dev_t loop = loop_below_cow(control, ledger, volume);
  if (!make && loop == 0 && cow.place.is_file() && !is_there(cow.place.path))
    throw Error("scratch " + cow.place.path + " is not there, and what was written to '" +
                volume.name + "' since it was made is in it: bring it back" +
                (volume.overlay->read_only
                     ? ""
                     : ", or throw that away (dmjob rollback " + volume.name + ")"));
  return store::CowSpace::open(cow, make, loop);
}

// Sectors of the disk, if a stream may go to it, which is written to through what holds it then.
std::uint64_t length_to_hold(const ManagedVolume& volume, dev_t disk) {
  if (volume.overlay->cow.place.kind != store::ScratchPlace::Kind::kTail) return 0;
  return io::open_device(disk, io::Access::kRead)->size() / io::kSector;
}

bool is_marked(io::BlockDevice& disk, const ManagedVolume& volume) {
  io::AlignedBuffer block(OverlayDevice::kMarkBytes);
  if (const auto error = disk.read(mark_offset(volume), block.bytes()))
    throw std::system_error(error, "scratch " + disk.path());
  const auto mark = store::decode(block.bytes());
  return mark && mark->job_uuid == volume.uuid;
}

// It must not look like a cow that is in use. If the disk is gone, so is the danger; whatever
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

MixedUp::MixedUp(const ManagedVolume& volume)
    : Error("volume '" + volume.name + "' was merged while its scratch " +
            volume.overlay->cow.place.path + " was marked invalid: what was written since is on " +
            volume.device +
            ", what was written before in the scratch, and nothing tells which is newer; both stay "
            "as they are: save them before anything else") {}

std::uint64_t OverlayDevice::least_bytes(std::uint64_t chunk) {
  constexpr std::uint64_t kUseful = 16;  // chunks that can be written to before writes wait
  return (dm::OverlayStack::margin(chunk) + kUseful * chunk) * io::kSector;
}

OverlayDevice::OverlayDevice(dm::Control& control, dm::Ledger& ledger, ManagedVolume volume,
                             bool make)
    : control_(control),
      volume_(std::move(volume)),
      origin_(disk_of(volume_).dev),
      space_(open_space(control, ledger, volume_, make)),
      stack_(control, ledger,
             {.volume = volume_.name,
              .uuid = volume_.uuid,
              .length = volume_.sectors,
              .cow_disk = space_.dev(),
              .cow_offset = space_.offset() / io::kSector,
              .cow_length = length(),
              .cow_disk_length = length_to_hold(volume_, space_.dev()),
              .chunk = volume_.overlay->chunk}) {
  require_same(volume_.overlay->origin_disk, volume_.device, "disk");
  if (!make) {
    check_mark();
    return;
  }
  if (!reserve_first())
    throw Error("scratch " + volume_.overlay->cow.place.path +
                " has no room: name another with --scratch");
  if (!volume_.overlay->cow.place.is_file()) make_mark();
}

// --- the mark ---

void OverlayDevice::make_mark() const {
  const auto disk = io::open_device(space_.dev(), io::Access::kReadWrite);
  io::AlignedBuffer block(kMarkBytes);
  store::encode({.sequence = 1,
                 .volume_size = volume_.sectors * io::kSector,
                 .granularity = volume_.overlay->chunk * io::kSector,
                 .job_uuid = volume_.uuid},
                block.bytes());
  std::error_code error = disk->write(mark_offset(volume_), block.bytes());
  if (!error) error = disk->flush();
  if (error) throw std::system_error(error, "scratch " + disk->path());
}

void OverlayDevice::check_mark() const {
  require_same(volume_.overlay->cow_disk, volume_.overlay->cow.place.path, "scratch");
  if (volume_.overlay->cow.place.is_file()) return;
  const auto disk = io::open_device(space_.dev(), io::Access::kRead);
  if (!is_marked(*disk, volume_))
    throw Error("scratch " + volume_.overlay->cow.place.path +
                " does not hold what was written to '" + volume_.name +
                "': it is another disk, or was overwritten");
}

// --- the head of the cow ---

// For a volume that the kernel does not have: what it is to find there is good, or it is not made.
void OverlayDevice::ready_header(bool merging) const {
  store::CowHeader header = space_.header();
  const Head state = header.read();
  if (state == Head::kInvalid) header.mark_valid();
  if (state == Head::kMixed) throw MixedUp(volume_);
  // A volume that holds may never have been live.
  if (state == Head::kForeign || (state == Head::kEmpty && merging))
    throw Error("scratch " + volume_.overlay->cow.place.path + " has lost what was written to '" +
                volume_.name + "': it was overwritten; bring back the one that it was");
}

// A volume that holds by its record did so once. An overlay does from the start.
bool OverlayDevice::has_begun() const {
  if (volume_.overlay->read_only) return true;
  store::CowHeader header = space_.header();
  return header.read() != Head::kEmpty &&
         header.has_exceptions(volume_.overlay->chunk * io::kSector);
}

void OverlayDevice::leave_mixed(store::CowHeader& header) {
  stack_.fail();
  if (header.read() == Head::kInvalid) header.mark_mixed();
  throw MixedUp(volume_);
}

// --- the steps ---

bool OverlayDevice::activate() {
  const bool merging = volume_.overlay->stage == Overlay::Stage::kMerging;
  const auto found = stack_.look();
  if (found.kind == Kind::kLinear && !merging && !has_begun()) return false;
  if (!space_.take_up())
    throw Error("scratch " + volume_.overlay->cow.place.path + " has lost room that it had");
  if (found.kind == Kind::kNone) {
    require_untouched(volume_, origin_);
    ready_header(merging);
  }
  // A merge needs all of the cow, a volume that holds must not fill it.
  stack_.make_cow(merging ? length() : boundary_of(space_.reserved()));
  check_mark();  // dm has it now
  if (found.kind == Kind::kNone)
    stack_.make_volume(merging ? Kind::kMerging : Kind::kHolding, origin_);
  return true;
}

void OverlayDevice::hold() {
  stack_.make_cow(boundary_of(space_.reserved()));
  check_mark();  // no other program had it until dm took it
  stack_.hold(origin_);
}

// A volume that fails all I/O with the mark still there has not come from here.
void OverlayDevice::mend() {
  const auto state = stack_.look();
  if (!is_given_up(state)) return;
  store::CowHeader header = space_.header();
  const Head head = header.read();
  const bool fails_for_good = state.kind == Kind::kFailing && head == Head::kInvalid;
  if (state.kind == Kind::kMerging || fails_for_good || head == Head::kMixed) leave_mixed(header);
  if (head == Head::kInvalid) header.mark_valid();
  require_valid(header);
  stack_.renew(origin_);
}

void OverlayDevice::check_merge() {
  dm::require_followers(control_, volume_.name, dm::linear_table(volume_.sectors, origin_));
}

void OverlayDevice::begin_merge() {
  store::CowHeader header = space_.header();
  require_valid(header);  // while nothing waits for it
  if (!has_room_to_let_go()) {
    const std::string& path = volume_.overlay->cow.place.path;
    throw std::system_error(ENOSPC, std::generic_category(),
                            "scratch " + path + " has no room for the writes that wait: make some");
  }
  stack_.begin_merge(origin_, [&] { require_valid(header); });
}

// As much as there is reserved, and not what the file would have if it were not sparse. A merge
// takes the notes away in their order, but a new table counts them anew: that is looked at, too.
bool OverlayDevice::pause_merge() {
  const std::uint64_t used = stack_.look().status.used;
  if (!space_.has_name() || !space_.take_up()) return false;
  if (!has_room(used)) grow_beyond(used);
  if (!has_room(used)) return false;
  const std::uint64_t boundary = boundary_of(space_.reserved());
  store::CowHeader header = space_.header();
  stack_.pause_merge(origin_, boundary, [&] { require_valid(header); });
  if (has_room(stack_.look().status.used)) return true;
  begin_merge();
  return false;
}

void discard_overlay(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  const dev_t disk = disk_of(volume).dev;
  dm::OverlayStack stack(control, ledger, bare_spec(volume));
  const Kind kind = stack.look().kind;
  if (kind == Kind::kOther) throw dm::TableReplaced(volume.name);
  if (kind == Kind::kNone)
    stack.make_volume(Kind::kLinear, disk);
  else if (kind != Kind::kLinear)
    stack.end(disk);
  forget_cow(control, ledger, volume);
}

void forget_cow(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  const dev_t loop = loop_below_cow(control, ledger, volume);
  const std::string& path = volume.overlay->cow.place.path;
  const bool is_at_path = loop == 0 || io::is_file_at(loop, path);
  dm::OverlayStack(control, ledger, bare_spec(volume)).remove_cow();
  if (!volume.overlay->cow.place.is_file()) wipe_mark(volume);
  if (is_at_path) store::CowSpace::remove(volume.overlay->cow);
}

bool is_replaced(const dm::OverlayStack::State& state) {
  return state.kind == Kind::kLinear || state.kind == Kind::kOther;
}

std::string replaced_in_words(const ManagedVolume& volume) {
  const std::string& scratch = volume.overlay->cow.place.path;
  return "its table was replaced by somebody else, and what was written since is on " +
         volume.device + ", past its scratch " + scratch +
         ", which holds what was written before; nothing tells which is newer, so nothing is "
         "merged, and after a boot it is not put up again: stop whoever uses it, save what is "
         "needed, then throw away what the scratch holds (dmjob detach " +
         volume.name + " --force)";
}

void require_not_replaced(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  if (volume.overlay->replaced || is_replaced(look_at(control, ledger, volume)))
    throw Error("volume '" + volume.name + "': " + replaced_in_words(volume));
}

std::string fault_of_scratch_file(dm::Control& control, dm::Ledger& ledger,
                                  const ManagedVolume& volume) {
  const dev_t loop = loop_below_cow(control, ledger, volume);
  const std::string& path = volume.overlay->cow.place.path;
  if (loop == 0 || io::is_file_at(loop, path)) return "";
  const std::string now = io::place_of_file(loop);
  const bool renamed = !now.ends_with(" (deleted)");
  return "scratch " + path +
         (renamed ? " is " + now + " by now: give it back its name, or "
                  : " was deleted, and what was written since lasts until the next boot only: ") +
         (volume.overlay->read_only ? "stream" : "commit") + " the volume before that";
}

dm::OverlayStack::State look_at(dm::Control& control, dm::Ledger& ledger,
                                const ManagedVolume& volume) {
  return dm::OverlayStack(control, ledger, bare_spec(volume)).look();
}

dev_t origin_of(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  return dm::OverlayStack(control, ledger, bare_spec(volume)).origin();
}

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/backup_copy.h"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "libjob/core/error.h"
#include "libjob/drivers/plan/planned_volume.h"
#include "libjob/drivers/plan/scratch_io.h"
#include "libjob/io/units.h"
#include "libjob/volumes/mounted_above.h"

namespace dmjob::drivers {
namespace {

// What is reserved at a time, of a file.
std::uint64_t slice_bytes(const CopyPlan& plan) {
  constexpr std::uint64_t kMost = 64 << 20;
  constexpr std::uint64_t kPart = 16;
  constexpr std::uint64_t kChunks = 16;
  return std::min(kMost, std::max(plan.size / kPart, kChunks * chunk_bytes(plan)));
}

}  // namespace

BackupCopy::BackupCopy(Environment& environment, io::CopyControl& control,
                       const std::string& job_id, const CopyPlan& plan, const store::CowPlace& cow,
                       ErrorMapFile& error_map, TrackedPart tracked)
    : environment_(environment),
      control_(control),
      job_id_(job_id),
      plan_(plan),
      cow_place_(cow),
      error_map_(error_map),
      tracked_(std::move(tracked)),
      target_(plan, holder_of(environment, job_id, plan), own_writes_of(environment, plan)),
      stack_(
          std::make_unique<dm::BackupStack>(*environment.control, environment.ledger, make_spec())),
      watched_(*environment.control, environment.ledger, make_spec()) {
  target_.bring_to_rest_by([this](const std::function<void()>& look) { bring_to_rest(look); });
}

BackupCopy::~BackupCopy() = default;

// --- beginning ---

// What is there already goes by its name; where its cow lies is needed only to make it.
dm::BackupStackSpec BackupCopy::make_spec() const {
  dm::BackupStackSpec spec;
  spec.job = job_id_;
  spec.uuid = plan_.uuid;
  spec.volume = tracked_.under(plan_.volume);
  spec.chunk = chunk_bytes(plan_) / io::kSector;
  if (!cow_) return spec;
  spec.scratch = cow_->dev();
  spec.cow_offset = cow_->offset() / io::kSector;
  spec.cow_length = cow_->bytes() / io::kSector;
  return spec;
}

void BackupCopy::open_scratch_device(bool create) {
  scratch_device_ = open_device_of(plan_, target_.place_of_scratch(), ScratchUse::kDirect, create);
  store::CowPlace place = cow_place_;
  if (place.place.kind == ScratchPlace::Kind::kTail)
    place.place.path = target_.place_of_scratch().path;
  cow_.emplace(store::CowSpace::open(place, create));
}

void BackupCopy::take_target() {
  if (plan_.new_file) target_.make_file();
  target_.begin();
  const bool untouched = tracked_.check_target(plan_);
  guarded_ = tracked_.is_part() && untouched;
}

void BackupCopy::build() {
  auto lock = lock_scratch(plan_);
  open_scratch_device(true);
  if (!cow_->reserve(2 * slice_bytes(plan_)))
    throw core::Error("scratch " + cow_place_.place.path +
                      " has no room for what is written over meanwhile: name another with "
                      "--scratch");
  scratch_.emplace(format_scratch(plan_, scratch_device_));
  tracked_.begin();
  stack_ =
      std::make_unique<dm::BackupStack>(*environment_.control, environment_.ledger, make_spec());
  lock.reset();
  if (!tracked_.on_tracker()) require_planned_volume(*environment_.control, plan_);
  stack_->build();
  open_bulk(true);
  sync_file_systems();
}

void BackupCopy::open_bulk(bool with_target) {
  bulk_ = std::make_unique<BulkCopy>(io::open_device(stack_->snapshot(), io::Access::kRead),
                                     with_target ? target_.open() : nullptr, *scratch_, control_,
                                     environment_.clock, plan_, error_map_);
}

// If it cannot be, the instant is as good without it.
void BackupCopy::sync_file_systems() const {
  try {
    volumes::sync_mounts(*environment_.control, plan_.volume);
  } catch (const std::system_error&) {
  }
}

void BackupCopy::take_instant(std::span<BackupCopy* const> copies) {
  std::vector<dm::BackupStack*> stacks;
  std::vector<dm::TableSwitch> above;
  std::vector<BackupCopy*> tracked;
  for (BackupCopy* copy : copies) {
    stacks.push_back(copy->stack_.get());
    if (!copy->tracked_.on_tracker()) continue;
    tracked.push_back(copy);
    std::ranges::move(copy->tracked_.rotation(), std::back_inserter(above));
  }
  dm::BackupStack::interpose(stacks, std::move(above), [&] {
    for (BackupCopy* copy : tracked) copy->tracked_.check_log();
  });
  for (BackupCopy* copy : tracked) copy->tracked_.take_marks(*copy->bulk_);
}

bool BackupCopy::adopt() {
  if (!stack_->take_up()) return false;
  open_scratch_device(false);
  scratch_.emplace(reopen_scratch(plan_, scratch_device_));
  open_bulk(false);
  bulk_->load_checkpoint();
  reopen_target();  // its error is met again by who wants to use it
  return true;
}

// --- the target ---

std::optional<io::CopyError> BackupCopy::reopen_target() {
  guarded_ = false;
  target_.doubt();  // what has failed is not counted alike
  try {
    const bool believed = target_.take_again();
    bulk_->replace_target(target_.open());
    if (believed) return std::nullopt;
    bulk_->distrust_target();
    believe_no_more();
  } catch (const std::system_error& error) {
    bulk_->close_target();
    return target_.note(error);
  }
  return std::nullopt;
}

void BackupCopy::release_dead_target() {
  if (target_.can_be_read()) return;
  bulk_->close_target();
  target_.let_go();
}

void BackupCopy::believe_no_more() {
  copied_anew_ = kCopiedAnew;
  guarded_ = false;
}

// Writers that write over one block after the other keep a scratch in the target's tail busy. If
// the volume does not come to rest either, nobody can tell, and all is copied once more.
void BackupCopy::bring_to_rest(const std::function<void()>& look) {
  if (plan_.scratch.kind != ScratchPlace::Kind::kTail) return;
  try {
    stack_->hold(look);
  } catch (const std::system_error&) {
  }
}

// Nothing is copied now.
bool BackupCopy::is_target_ours() {
  const bool ours = is_ours(target_, *bulk_);
  if (!ours) believe_no_more();
  return ours;
}

// What is verified is read whole.
std::string BackupCopy::find_untracked_change() {
  std::string found = plan_.verify ? "" : tracked_.find_change_of_target(*bulk_);
  return found.empty() ? tracked_.find_untracked_change(stack_->snapshot(), *bulk_) : found;
}

// --- the room ---

BackupCopy::Room BackupCopy::look() {
  const threads::Lock lock(poll_mutex_);
  try {
    const dm::SnapshotStatus status = stack_->status();
    const bool valid = status.state == dm::SnapshotStatus::State::kValid;
    if (valid) room_.used = status.used * io::kSector;
    room_.size = cow_->bytes();
    room_.lost = valid ? "" : why_lost(room_);
    if (valid) reserve_ahead(room_);
    if (valid) room_.lost = why_replaced();
  } catch (const std::system_error& error) {
    room_.lost = "the snapshot of volume '" + plan_.volume + "' is gone: " + error.what();
  }
  return room_;
}

void BackupCopy::require_instant() {
  const std::string lost = look().lost;
  if (!lost.empty()) throw core::Error(lost);
}

// What was read before the table was replaced is of the instant; nobody knows when that was.
std::string BackupCopy::why_replaced() {
  try {
    watched_.require_standing();
    tracked_.require_standing();
    if (!tracked_.on_tracker()) room_.volume = watched_.volume();
  } catch (const dm::TableReplaced& replaced) {
    return replaced.what() +
           std::string("; what was read may be newer than the instant: start the job again");
  }
  return "";
}

// Where there is no room, the kernel goes on as far as it gets.
void BackupCopy::reserve_ahead(Room& room) {
  const std::uint64_t slice = slice_bytes(plan_);
  if (room.used + slice > std::min(cow_->reserved(), cow_->bytes()) &&
      cow_->reserved() < cow_->bytes())
    room.can_grow = cow_->reserve(room.used + 2 * slice);
}

// The kernel does not tell. A small scratch can be full between two looks.
std::string BackupCopy::why_lost(const Room& room) const {
  constexpr std::uint64_t kSmall = 64 << 20;
  const std::string scratch = "scratch " + cow_place_.place.path;
  const std::string what = "the instant of volume '" + plan_.volume + "' is lost: ";
  if (!cow_->marked_invalid())
    return what + scratch + " has failed; start the job again with another --scratch";
  const std::string bytes = std::to_string(cow_->bytes());
  if (!room.can_grow)
    return what + scratch + " could not grow, its file system is full (" +
           std::to_string(room.used) + " of " + bytes +
           " bytes); start the job again with a larger --scratch";
  if (cow_->bytes() < kSmall || room.used > cow_->bytes() / 4)
    return what + scratch + " is full (" + bytes +
           " bytes for what is written over); start the job again with a larger --scratch, or "
           "a higher --speed";
  return what + "a block that could not be read was written to, or " + scratch + " (" + bytes +
         " bytes) was filled at once; see the kernel's log, then start the job again";
}

// --- the end ---

// Nobody else has written to it since it was taken, or nothing is noted.
void BackupCopy::note_target_mark() noexcept {
  if (!std::exchange(guarded_, false)) return;
  try {
    if (target_.is_untouched()) target_mark_ = volumes::write_mark(plan_.target);
  } catch (const std::exception&) {  // it is gone
  }
}

// The superblock goes, so that nobody takes it for a running job's; a scratch that has failed
// cannot be wiped.
void BackupCopy::withdraw() {
  bulk_.reset();
  stack_->withdraw();
  try {
    if (scratch_) scratch_->wipe();
  } catch (const std::system_error&) {
  }
  scratch_.reset();
  scratch_device_ = {};
  cow_.reset();
  note_target_mark();
  target_.give_back();
  store::CowSpace::remove(cow_place_);
  remove_scratch(plan_.scratch);
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/transfer/target_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "libjob/core/error.h"
#include "libjob/drivers/transfer/bulk_copy.h"
#include "libjob/drivers/transfer/same_disk.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/fd.h"
#include "libjob/io/probe.h"
#include "libjob/io/stable_path.h"
#include "libjob/io/units.h"

namespace dmjob::drivers {
namespace {

constexpr const char* kNothing = "nothing";  // the account of a file

// Without opening it: it may be dead.
std::string fingerprint_of(dev_t disk) {
  io::ProbeResult what;
  what.kind = io::Kind::kBlockDevice;
  what.dev = disk;
  return io::write_fingerprint(what);
}

std::string identity_of(const struct stat& file) {
  return io::boot_id() + " " + std::to_string(file.st_dev) + " " + std::to_string(file.st_ino);
}

std::uint64_t bytes_of(dev_t disk) {
  const std::string sectors = io::sysfs::first_line(io::sysfs::folder(disk) + "/size");
  return std::strtoull(sectors.c_str(), nullptr, 10) * io::kSector;
}

[[noreturn]] void refuse(const CopyPlan& plan, const std::string& what) {
  throw core::Error("target " + plan.target + " " + what + ": start the job again");
}

}  // namespace

std::string file_identity(const std::string& path) {
  struct stat facts{};
  return stat(path.c_str(), &facts) == 0 ? identity_of(facts) : "";
}

bool is_same_file(const std::string& identity, const std::string& path) {
  const std::string now = file_identity(path);
  if (now == identity) return true;
  const bool same_boot = identity.starts_with(io::boot_id() + " ");
  return !same_boot && !now.empty() && identity.ends_with(" " + file_inode(path));
}

std::string file_inode(const std::string& path) {
  struct stat facts{};
  return stat(path.c_str(), &facts) == 0 ? std::to_string(facts.st_ino) : "";
}

std::unique_ptr<dm::HeldDisk> holder_of(const Environment& environment, const std::string& job,
                                        const CopyPlan& plan) {
  if (!environment.control) return nullptr;
  return std::make_unique<dm::HeldDisk>(*environment.control, environment.ledger, job, plan.uuid);
}

std::string own_writes_of(const Environment& environment, const CopyPlan& plan) {
  return environment.state_folder + "/written-" + plan.uuid;
}

TargetDisk::TargetDisk(const CopyPlan& plan, std::unique_ptr<dm::HeldDisk> held,
                       std::string own_writes, Holder holder)
    : plan_(plan),
      holder_(holder),
      held_(plan.target_disk == io::DiskIdentity{} || plan.only_compare ? nullptr
                                                                        : std::move(held)),
      disk_(plan.target_disk),
      account_(plan.target_account),
      own_path_(held_ || plan.only_compare ? "" : std::move(own_writes)) {}

// --- what the path leads to ---

io::Sameness TargetDisk::check() {
  io::Sameness sameness = io::Sameness::kSame;
  if (is_file()) {
    const std::string now = file_identity(plan_.target);
    if (now.empty()) io::throw_last_error(plan_.target);
    if (!leads_to_known_file())
      io::throw_error(ENOENT, "another file is in the place of " + plan_.target);
    file_ = now;
  } else {
    const io::DiskIdentity now = io::identify_disk(plan_.target);
    sameness = io::compare(disk_, now);
    if (sameness == io::Sameness::kDifferent)
      io::throw_error(ENODEV, "another disk is in the place of " + plan_.target);
    disk_ = now;
  }
  return sameness;
}

// Where nothing of ours holds it yet.
void TargetDisk::lock() {
  lock_.reset();
  lock_.emplace(plan_.target, io::DeviceLock::Mode::kExclusive);
}

bool TargetDisk::can_be_read() const {
  try {
    const auto device = is_held() ? io::open_device(held_->device(), io::Access::kRead)
                                  : io::open_device(plan_.target, io::Access::kRead);
    io::AlignedBuffer block(device->alignment());
    return !device->read(0, block.bytes());
  } catch (const std::system_error&) {
    return false;
  }
}

// --- taking it ---

void TargetDisk::take(dev_t disk) {
  const bool held_already = held_ && held_->disk() == disk;
  if (!held_already && holder_ == Holder::kVolume)
    throw core::Error(
        "target " + plan_.target +
        " holds the scratch of the volume in its tail, which an older dmjobd has made: "
        "stream to another disk, or after the next boot");
  if (!held_already) lock();  // nobody else has it
  if (!held_) return;
  const std::uint64_t bytes = io::open_device(disk, io::Access::kRead)->size();
  lock_.reset();
  held_->take(disk, bytes / io::kSector);
  account_.prepare(disk, held_->device());
  account_.begin(look_at_rest());
  when_let_go_.clear();
}

// Whoever puts another file in its place is found out by check().
void TargetDisk::make_file() {
  const io::Fd file(::open(plan_.target.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  struct stat facts{};
  if (!file || ftruncate(file.get(), 0) != 0 ||
      ftruncate(file.get(), static_cast<off_t>(plan_.size)) != 0 || fstat(file.get(), &facts) != 0)
    io::throw_last_error(plan_.target);
  file_ = identity_of(facts);
}

void TargetDisk::begin() {
  check();
  take(number_at_path());
  if (!own_path_.empty()) {
    own_.reset();
    own_ = std::make_unique<io::OwnWrites>(own_path_, true);
    own_->touch();
    account_.note_text(is_file() ? kNothing : written_by_others());
  }
  fault_.clear();
  known_ = true;
}

// The disk that is held and can be read is the one, wherever its path leads by now.
bool TargetDisk::take_again() {
  if (!held_) return take_what_is_not_held();
  const bool same = is_held() && (can_be_read() || held_->disk() == number_at_path());
  const bool believed = same ? is_account_right() : take_what_was_let_go();
  fault_.clear();
  known_ = true;
  return believed;
}

bool TargetDisk::take_what_is_not_held() {
  bool believed = check() != io::Sameness::kUnknown;
  lock();
  if (!own_path_.empty()) {
    if (!own_) own_ = std::make_unique<io::OwnWrites>(own_path_, false);
    believed = is_own_account_right() && believed;
    believed = restore_length() && believed;
  }
  fault_.clear();
  known_ = true;
  return believed;
}

// Of a file that somebody has cut or made longer. False: it was.
bool TargetDisk::restore_length() {
  struct stat facts{};
  if (!is_file() || stat(plan_.target.c_str(), &facts) != 0) return true;
  if (static_cast<std::uint64_t>(facts.st_size) == plan_.size) return true;
  if (truncate(plan_.target.c_str(), static_cast<off_t>(plan_.size)) != 0)
    io::throw_last_error(plan_.target);
  own_->touch();
  return false;
}

// Of a file there is only its date.
bool TargetDisk::is_own_account_right() {
  if (!is_file()) {
    const std::string others = written_by_others();
    return known_ ? account_.is_untouched(others) : account_.is_as_noted(others);
  }
  const bool was_noted = account_.noted() == kNothing;
  account_.note_text(kNothing);
  return was_noted && !io::was_changed_after(plan_.target, own_->last());
}

std::string TargetDisk::written_by_others() const {
  const dev_t disk = number_at_path();
  const auto sectors = io::write_out(disk) ? io::sectors_changed(disk) : std::nullopt;
  if (!sectors) return "";
  return disk_.instance +
         " others=" + std::to_string(static_cast<std::int64_t>(*sectors) - own_->sectors());
}

bool TargetDisk::is_untouched() {
  if (own_) return is_own_account_right();
  return account_.is_untouched(look());
}

bool TargetDisk::is_account_right() {
  const TargetAccount::Others seen = look();
  return known_ ? account_.is_untouched(seen) : account_.is_as_noted(seen);
}

// The volume may write to its cow all the time.
TargetAccount::Others TargetDisk::look_at_rest() {
  TargetAccount::Others seen = account_.look();
  if (!seen && holder_ == Holder::kVolume) held_->at_rest([&] { seen = account_.look(); });
  return seen;
}

bool TargetDisk::take_what_was_let_go() {
  check();
  const std::string then = when_let_go_;
  take(number_at_path());  // and all that others had in the page cache is written out
  return !then.empty() && fingerprint_of(held_->disk()) == then;
}

void TargetDisk::let_go() {
  lock_.reset();
  if (!is_held()) return;
  const dev_t disk = held_->disk();
  held_->let_go();
  account_.end();
  when_let_go_ = fingerprint_of(disk);
}

void TargetDisk::give_back() {
  lock_.reset();
  own_.reset();
  if (held_ && holder_ == Holder::kJob) held_->remove();
  if (!own_path_.empty()) std::remove(own_path_.c_str());
}

// --- using it ---

dev_t TargetDisk::number() const { return is_held() ? held_->disk() : number_at_path(); }

std::unique_ptr<io::BlockDevice> TargetDisk::count(std::unique_ptr<io::BlockDevice> device) {
  return own_ ? own_->count(std::move(device)) : std::move(device);
}

std::unique_ptr<io::BlockDevice> TargetDisk::open() {
  if (is_held()) return io::open_device(held_->device(), io::Access::kReadWrite);
  auto device = io::open_device(plan_.target,
                                plan_.only_compare ? io::Access::kRead : io::Access::kReadWrite);
  check();  // that this is what was opened
  if (plan_.only_compare && fingerprint_.empty()) fingerprint_ = fingerprint_of(plan_.target);
  if (own_ && is_file()) own_->expect_length(plan_.target, plan_.size);
  return count(std::move(device));
}

store::ScratchPlace TargetDisk::place_of_scratch() const {
  store::ScratchPlace place = plan_.scratch;
  if (place.kind == ScratchPlace::Kind::kTail && is_held())
    place.path = io::device_path(held_->device());
  return place;
}

std::string TargetDisk::lasting_name() const {
  const dev_t disk = number();
  if (auto name = io::lasting_path(disk, plan_.target)) return *name;
  throw core::Error("no path leads to the target any more (" + plan_.target + " was device " +
                    io::sysfs::number(disk) +
                    "), so it would not be found after a boot: give it "
                    "back its name, then complete again");
}

void TargetDisk::require_at_path() const {
  is_file() ? require_file_at_path() : require_disk_at_path();
  if (plan_.only_compare && !fingerprint_.empty() && was_written_to(plan_.target, fingerprint_))
    throw core::Error("target " + plan_.target +
                      " was written to during the comparison, which tells nothing: compare again "
                      "once nobody uses it");
}

void TargetDisk::require_disk_at_path() const {
  const dev_t now = number_at_path();
  if (is_held() && now != held_->disk())
    throw core::Error("target " + plan_.target + " is not the disk that was written to any more (" +
                      io::sysfs::number(held_->disk()) + ", " + io::device_path(held_->disk()) +
                      "): give that its name back");
  if (now == 0) refuse(plan_, "is not there any more");
  if (!is_held() && io::compare(disk_, io::identify_disk(plan_.target)) == io::Sameness::kDifferent)
    refuse(plan_, "leads to another disk by now");
  if (bytes_of(now) < plan_.size) refuse(plan_, "has become smaller than the source");
}

bool TargetDisk::leads_to_known_file() const {
  const std::string& known = file_.empty() ? plan_.target_file : file_;
  return known.empty() || is_same_file(known, plan_.target);
}

void TargetDisk::require_file_at_path() const {
  if (!is_file()) return;
  struct stat facts{};
  if (stat(plan_.target.c_str(), &facts) != 0)
    refuse(plan_,
           "is not at that path any more: the file, or a folder above it, was removed or "
           "renamed, or something was mounted there");
  if (!leads_to_known_file())
    refuse(plan_, "is another file by now: the one that was written to was removed or renamed");
  require_same_size(static_cast<std::uint64_t>(facts.st_size));
}

// What is only read may be larger than the source.
void TargetDisk::require_same_size(std::uint64_t bytes) const {
  const bool fits = bytes == plan_.size || (plan_.only_compare && bytes > plan_.size);
  if (fits && !(own_ && own_->was_cut())) return;
  refuse(plan_, "was cut or made longer by somebody else (it has " + std::to_string(bytes) +
                    " bytes, the source " + std::to_string(plan_.size) + ")");
}

void TargetDisk::flush() {
  const auto target = open();
  if (std::error_code error = target->flush())
    throw std::system_error(error, "target " + plan_.target + " could not be flushed at the end");
}

// A scratch in its tail is written to by the kernel, for whoever writes to the volume.
TargetAccount::Others TargetDisk::look() {
  if (!is_held()) return std::nullopt;
  account_.prepare(held_->disk(), held_->device());
  TargetAccount::Others seen = look_at_rest();
  if (!seen) rest_([&] { seen = account_.look(); });
  return seen;
}

io::CopyError TargetDisk::note(const std::system_error& error) {
  fault_ = error.what();
  doubt();
  return {false, 0, plan_.size, error.code()};
}

bool is_ours(TargetDisk& target, BulkCopy& bulk) {
  if (bulk.take_target_failed()) target.doubt();
  target.require_at_path();
  const bool untouched = target.is_untouched();
  if (!untouched) bulk.distrust_target();
  return untouched;
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a job writes to: that it is still the disk or file that the job began with, that nobody else
// uses it, and that nobody else has written to it.
//
// Where the kernel has device-mapper, a disk is held by a hidden device (dm::HeldDisk) from
// begin() to give_back(), also while no daemon runs, and all of our own writes go through that.
// Elsewhere, and of a file, our own writes are counted by ourselves (io::OwnWrites). A disk that
// was let go, or whose writes cannot be accounted for, is not believed. Thread: the job's worker;
// may block. Errors: std::system_error; core::Error for the user.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "dm/topology/held_disk.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/drivers/transfer/target_account.h"
#include "libjob/io/block_device.h"
#include "libjob/io/copy_engine.h"
#include "libjob/io/device_lock.h"
#include "libjob/io/own_writes.h"
#include "libjob/io/sysfs.h"

namespace dmjob::drivers {

// Said of a target whose writes cannot be accounted for.
inline constexpr const char* kCopiedAnew =
    "somebody else has written to the target, or nobody can tell whether: all of it is copied once "
    "more";

// Which file a path leads to: boot, device and inode. "" if there is none.
std::string file_identity(const std::string& path);
// Of a file that is there: whether it is the one of that identity. After a boot only the inode
// tells, since the numbers of devices change.
bool is_same_file(const std::string& identity, const std::string& path);
// As far as it is the same after a boot.
std::string file_inode(const std::string& path);

// With which a job holds its target; null without device-mapper.
std::unique_ptr<dm::HeldDisk> holder_of(const Environment& environment, const std::string& job,
                                        const CopyPlan& plan);
// Where a job keeps count of its writes to a target that is not held.
std::string own_writes_of(const Environment& environment, const CopyPlan& plan);

class BulkCopy;

class TargetDisk {
 public:
  // Who holds the disk: the job, or the volume, before and after the job, whose cow is in its tail.
  enum class Holder { kJob, kVolume };
  // held: to hold a disk with; null without device-mapper. No effect on a file, and on a target
  // that is only read. own_writes: the file for what is not held.
  TargetDisk(const CopyPlan& plan, std::unique_ptr<dm::HeldDisk> held, std::string own_writes,
             Holder holder = Holder::kJob);

  // Of a regular file, before begin(): makes it, of the source's size and without any data.
  // Whatever it held before reads as zeroes then, and zeroes need not be written.
  void make_file();
  // As the job begins. Throws if the target is away, another one, or in use.
  void begin();
  // Once more, by a new process or after an error. Throws as begin(). False: what it holds is not
  // known, since it was let go, or others have written to it.
  bool take_again();
  // As far as it may not be given back: everything that uses it is closed.
  void give_back();
  // So that it can be removed from the host. If the same disk comes back without a write, it is
  // believed again.
  void let_go();

  std::unique_ptr<io::BlockDevice> open();
  // For a scratch in its tail.
  std::unique_ptr<io::BlockDevice> count(std::unique_ptr<io::BlockDevice> device);
  // Where a scratch in its tail is: on the device that holds the target.
  store::ScratchPlace place_of_scratch() const;
  bool is_held() const { return held_ && held_->disk() != 0; }
  bool can_be_read() const;
  dev_t number() const;  // of the disk; 0 if it is away
  // A path by which it is found after a boot and that leads to it now. Throws Error, which says
  // what to do, if there is none.
  std::string lasting_name() const;
  // Which file it is, for the job's record; "" of a disk.
  const std::string& file() const { return file_; }
  // Throws Error if the path leads to another disk or file by now, or if that has another size.
  void require_at_path() const;
  // The same of a file; cheap. Nothing of a disk, whose links may be away for a moment.
  void require_file_at_path() const;
  // Its writes are on the disk, not in a cache. Whatever the path leads to by now.
  void flush();

  // --- has somebody else written to it? see TargetAccount ---
  // Calls its argument, which neither allocates nor does I/O, while nothing of ours is written to
  // the target, because what writes to it is suspended; or not at all if nothing would.
  using Rest = std::function<void(const std::function<void()>&)>;
  // For is_untouched() and take_again() of a target that is never seen at rest. They throw what it
  // throws.
  void bring_to_rest_by(Rest rest) { rest_ = std::move(rest); }
  // While nothing is copied.
  bool is_untouched();
  void doubt() { account_.doubt(); }
  // For the job's record.
  const std::string& account() const { return account_.noted(); }

  // As an error of the whole target.
  io::CopyError note(const std::system_error& error);
  // Why it is away, for people; "" if it is not.
  const std::string& fault() const { return fault_; }

 private:
  dev_t number_at_path() const { return io::sysfs::disk_at(plan_.target); }
  TargetAccount::Others look();
  bool is_account_right();
  bool take_what_was_let_go();
  bool take_what_is_not_held();
  bool is_file() const { return plan_.target_disk == io::DiskIdentity{}; }
  bool is_own_account_right();
  bool restore_length();
  bool leads_to_known_file() const;
  void require_disk_at_path() const;
  void require_same_size(std::uint64_t bytes) const;
  std::string written_by_others() const;
  // What the path leads to now, compared with what it led to before. Throws if it leads nowhere, or
  // to another disk or file.
  io::Sameness check();
  void lock();
  void take(dev_t disk);
  TargetAccount::Others look_at_rest();

  const CopyPlan& plan_;
  const Holder holder_;
  const std::unique_ptr<dm::HeldDisk> held_;
  io::DiskIdentity disk_;
  TargetAccount account_;
  Rest rest_ = [](const std::function<void()>&) {};
  std::string file_;                    // file_identity(); "" before begin(), and of a disk
  std::string fingerprint_;             // of what is only read: io::write_fingerprint() at first
  std::string when_let_go_;             // its write_fingerprint() then
  std::optional<io::DeviceLock> lock_;  // of what is not held
  const std::string own_path_;
  std::unique_ptr<io::OwnWrites> own_;
  std::string fault_;
  bool known_ = false;  // the account is of this process
};

// While nothing is copied. False: others have written to the target, or nobody can tell; all of it
// is dirty then, and stored as that. Throws as require_at_path().
bool is_ours(TargetDisk& target, BulkCopy& bulk);

}  // namespace dmjob::drivers

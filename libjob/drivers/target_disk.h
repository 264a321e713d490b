// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a job writes to: that it is still the disk or file that the job began with, and that nobody
// else uses it.
// Thread: the job's worker; may block. Errors: std::system_error.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "libjob/drivers/copy_plan.h"
#include "libjob/io/block_device.h"
#include "libjob/io/copy_engine.h"
#include "libjob/io/device_lock.h"

namespace dmjob::drivers {

// Of a regular file that is a target: makes it, of the source's size and without any data. Whatever
// it held before reads as zeroes then, and zeroes need not be written.
void make_target_file(const CopyPlan& plan);
// Which file a path leads to: boot, device and inode. "" if there is none.
std::string file_identity(const std::string& path);
// Of a file that is there: whether it is the one of that identity. After a boot only the inode
// tells, since the numbers of devices change.
bool is_same_file(const std::string& identity, const std::string& path);
// As far as it is the same after a boot.
std::string file_inode(const std::string& path);

class TargetDisk {
 public:
  explicit TargetDisk(const CopyPlan& plan) : plan_(plan), disk_(plan.target_disk) {}

  // What the path leads to now, compared with what it led to before. Throws if it leads nowhere, or
  // to another disk or file.
  io::Sameness check();
  // Keeps it from being mounted. No effect where dm has it all the time, because the scratch is in
  // its tail.
  void lock();
  void unlock() { lock_.reset(); }
  std::unique_ptr<io::BlockDevice> open() const {
    return io::open_device(plan_.target,
                           plan_.only_compare ? io::Access::kRead : io::Access::kReadWrite);
  }

  // As an error of the whole target.
  io::CopyError note(const std::system_error& error);
  // Why it is away, for people; "" if it is not.
  const std::string& trouble() const { return trouble_; }

 private:
  const CopyPlan& plan_;
  io::DiskIdentity disk_;
  std::optional<io::DeviceLock> lock_;
  std::string trouble_;
};

}  // namespace dmjob::drivers

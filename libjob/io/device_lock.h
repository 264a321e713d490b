// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Claims on disks and files for the life of a job: an exclusive open (O_EXCL, which mount, md and
// dm respect) and, on whole disks, the BSD lock that udev respects while it probes
// (https://systemd.io/BLOCK_DEVICE_LOCKING). Files get an OFD write lock.
// Thread: any; construction may block.
#pragma once

#include <string>

namespace dmjob::io {

class DeviceLock {
 public:
  enum class Mode {
    kExclusive,  // nobody else may mount or map it
    kShared,     // only keep its kind of lock against other jobs and udev (dm will claim it itself)
  };
  // Throws std::system_error: EBUSY if it is in use.
  DeviceLock(const std::string& path, Mode mode);
  ~DeviceLock();
  DeviceLock(DeviceLock&& other) noexcept;
  DeviceLock& operator=(DeviceLock&& other) noexcept;

 private:
  int fd_ = -1;
};

}  // namespace dmjob::io

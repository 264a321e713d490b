// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What others have written to a disk to which all our own writes go through a device over it, a
// hidden linear one: the kernel counts the sectors of both, and the difference stays what it is as
// long as nobody else writes. The hidden device has the disk for itself, but that claim stops
// neither a plain write (dd) nor another device-mapper device.
//
// Thread: a worker; may block, but for others(), which neither allocates nor does I/O, so that a
// suspended volume may wait for it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libjob/io/fd.h"

namespace dmjob::io {

// Puts on the disk what somebody has written into the page cache only, so that it counts. False:
// the disk has failed or is away.
bool write_out(dev_t disk) noexcept;

class WriteAccount {
 public:
  // Opens the counters. ours: the device over the disk. What others have in the page cache is
  // written out, so that it counts. Errors are kept: nobody can tell then.
  WriteAccount(dev_t disk, dev_t ours);

  // Sectors; meaningful in comparison only, with what another object told of the same devices.
  // nullopt: nobody can tell (the kernel does not count, or our own writes do not come to rest for
  // a second).
  std::optional<std::int64_t> others() const;
  // With what makes it comparable with that of another process: equal texts say that nobody else
  // has written in between. "" if nobody can tell.
  std::string text(std::optional<std::int64_t> others) const;

 private:
  struct Counts {
    std::int64_t changed = 0;
    std::int64_t in_flight = 0;
    bool operator==(const Counts&) const = default;
  };
  static std::optional<Counts> read(const Fd& stat);
  // Without partitions: the disk's own. Of a partition also what is written to it through the disk.
  std::optional<std::int64_t> changed() const;

  Fd ours_;
  Fd disk_;
  Fd whole_;               // of a partition: the disk that it is on
  std::vector<Fd> parts_;  // and all partitions of that
  std::string instance_;
  bool usable_ = false;
};

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The tables that dmjob itself makes. One function a target; every feature word that is written
// here, and every one that is not, was paid for (D-003).
// Thread: any (pure functions).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "dm/table.h"

namespace dmjob::dm {

// "8:16", the form of a device in a table.
std::string print_dev(dev_t dev);

// A device as a word of a table. One that does not exist yet, in a plan, goes by its dm name:
// "@name" (step.h); the kernel never sees that form.
class DeviceWord {
 public:
  DeviceWord(dev_t dev) : text_(print_dev(dev)) {}  // NOLINT: a number is as good
  static DeviceWord named(const std::string& name) { return DeviceWord('@' + name); }
  const std::string& text() const { return text_; }

 private:
  explicit DeviceWord(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// All lengths, offsets and region sizes are in sectors of 512 bytes.
Table linear_table(std::uint64_t length, const DeviceWord& device, std::uint64_t offset = 0);
Table error_table(std::uint64_t length);

// As error_table(), and it offers no discards, which the error target of newer kernels does: behind
// `length`, where nobody comes to, is a target that takes none. It stands on `base`, so that blocks
// and limits are those of `base`.
Table failing_table(std::uint64_t length, const DeviceWord& base);

// A delay of 0 ms whose reads and writes go to different devices: reads bypass the mirror.
Table bypass_table(std::uint64_t length, const DeviceWord& reads, const DeviceWord& writes);

// A mirror whose second side always fails: marks what is written. No feature word. Its log must be
// all in sync whenever it is resumed.
Table tracker_table(std::uint64_t length, const DeviceWord& log, std::uint64_t region,
                    const DeviceWord& base, const DeviceWord& error);

// A mirror that copies what its log marks, then keeps both sides equal. Exactly "1 handle_errors".
Table mirror_table(std::uint64_t length, const DeviceWord& log, std::uint64_t region,
                   const DeviceWord& base, const DeviceWord& target);

// A device whose writes at and behind `boundary` wait until it is suspended; reads and flushes do
// not. boundary == length: none waits.
Table waiting_table(std::uint64_t length, std::uint64_t boundary, const DeviceWord& device,
                    std::uint64_t offset);

// Makes the snapshots of `base` keep what is written over. Must be resumed after them.
Table origin_table(std::uint64_t length, const DeviceWord& base);
// `origin` with the exceptions in `cow`, persistent. If the cow is full, writes to the snapshot
// fail and what is in it stays (feature O); a write to the origin makes the snapshot invalid. The
// constructor reads the exceptions from disk.
Table snapshot_table(std::uint64_t length, const DeviceWord& origin, const DeviceWord& cow,
                     std::uint64_t chunk);
// The same volume, while the kernel moves the exceptions into `origin`. To be loaded only while no
// write can add an exception, since its constructor reads them.
Table merge_table(std::uint64_t length, const DeviceWord& origin, const DeviceWord& cow,
                  std::uint64_t chunk);

}  // namespace dmjob::dm

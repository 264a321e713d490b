// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The seam to the kernel's device-mapper. KernelControl (dm/kernel_control.h) is the real one,
// FakeControl (tests/support) keeps tables in memory and fails the call it is told to.
//
// Thread: any; never the reactor, since every call may block. Calls for different devices may run
// at the same time; the caller sees to it that one device has one caller (VolumeLock).
// Errors: std::system_error with the ioctl's errno and a sentence that names the device.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dm/table.h"

namespace dmjob::dm {

struct Device {
  std::string name;
  std::string uuid;
  dev_t dev = 0;
  bool suspended = false;
  bool live_table = false;
  bool inactive_table = false;
  bool read_only = false;
  int open_count = 0;
  std::uint32_t event_nr = 0;
};

// A block device that stands on another one, as the kernel's "holders" tell.
struct Holder {
  std::string name;  // the kernel's: "dm-5", "md0"
  dev_t dev = 0;
  // It has asked at its start whether its disks have a cache, and never asks again (a journal or
  // partial parity log of md).
  bool keeps_cache_flag = false;
};

// One line of `dmsetup status`: the segment's place and target, with its status text.
struct StatusLine {
  std::uint64_t start = 0;   // sectors
  std::uint64_t length = 0;  // sectors
  std::string target;
  std::string text;
};

enum class SuspendMode {
  kFlush,    // waits for all I/O in flight, file system not frozen: a plain change of tables
  kFreeze,   // as kFlush, with a mounted file system frozen first: one consistent instant
  kNoFlush,  // I/O that a mirror holds is queued again instead of failed: a failed side goes
};

// Who may see a new device.
enum class Visibility {
  kHidden,  // udev makes no links to it and no program probes it: our inner devices
  kPublic,  // an ordinary volume
};

struct NewDevice {
  std::string name;
  std::string uuid;
  Table table;
  Visibility visibility = Visibility::kHidden;
  bool read_only = false;
};

class Control {
 public:
  virtual ~Control() = default;

  // Creates the device with its table, live. Returns its number. The node exists upon return.
  virtual dev_t create(const NewDevice& device) = 0;

  // Loads the inactive table; the live one stays.
  virtual void load(const std::string& name, const Table& table) = 0;
  // Drops the inactive table, if there is one.
  virtual void clear(const std::string& name) = 0;

  // Returns once the device is suspended. Waits without a bound for I/O in flight; a signal to the
  // thread, if its handler is without SA_RESTART, ends the wait with EINTR, and the device runs on.
  // A device that is suspended already stays so, without an error: ask find() first where it
  // matters whose suspension it is.
  virtual void suspend(const std::string& name, SuspendMode mode) = 0;
  // Makes an inactive table live, if there is one, and lets I/O through again. Neither allocates
  // nor waits for other processes nor for any lock of ours: safe while the root disk is suspended.
  virtual void resume(const std::string& name) = 0;

  // Removes the device, with some retries while another program (udev, a probe) has it open. Then
  // EBUSY.
  virtual void remove(const std::string& name) = 0;

  // nullopt if there is no device of that name.
  virtual std::optional<Device> find(const std::string& name) = 0;
  // nullopt if there is no device with that UUID, which is not empty.
  virtual std::optional<Device> find_by_uuid(const std::string& uuid) = 0;
  // All devices, name and dev only.
  virtual std::vector<Device> list() = 0;

  // The live table; keys of dm-crypt are in it: never log or store it. Waits neither for I/O nor
  // for any lock of ours, as status().
  virtual Table table(const std::string& name) = 0;
  // The table that the next resume makes live; empty if none is loaded. As table().
  virtual Table inactive_table(const std::string& name) = 0;
  // Never waits for I/O.
  virtual std::vector<StatusLine> status(const std::string& name) = 0;
  // What the live table stands on.
  virtual std::vector<dev_t> deps(const std::string& name) = 0;

  // Whether a block device says that it has a volatile cache (queue/write_cache). If it says no,
  // the kernel passes no flush to it. A dm device says what those under it said when its table went
  // live. nullopt: it does not tell.
  virtual std::optional<bool> write_back(dev_t dev) = 0;
  // What stands on a block device. Loop devices and mounts are not told.
  virtual std::vector<Holder> holders(dev_t dev) = 0;
  // The block devices that file systems are mounted from, in the mount namespace of any process. Of
  // a btrfs its own number, which is no disk's.
  virtual std::vector<dev_t> mounted() = 0;
  // How many writes to a dm device have ended; nullopt if it does not count. Flushes are none. May
  // be called with any device suspended.
  virtual std::optional<std::uint64_t> writes_ended(dev_t dev) = 0;

  // The kernel's target types, loaded modules only.
  virtual std::vector<std::string> targets() = 0;
  // "1.14.0"; has the kernel load the target's module if need be. nullopt if it has none.
  virtual std::optional<std::string> target_version(const std::string& target) = 0;
};

}  // namespace dmjob::dm

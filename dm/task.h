// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One call to device-mapper is a scope: a Task owns libdevmapper's dm_task and, for what makes udev
// act, its cookie (a semaphore that udev's rules count down).
//
//   Task(kind, name)  {uuid | read_only | table | ...}*  [udev_cookie]  try_run  [results]  ~Task
//
// task.cc is the only file that includes libdevmapper.h. The library keeps global state, so its
// calls are made one at a time; that lock is never held across a wait, and SUSPEND does not come
// through here at all (control_node.h). libdevmapper prints nothing: its last error text goes into
// errors.
//
// Thread: any that may block, one Task one thread. Whoever waits longer than 30 s for the lock gets
// std::system_error ETIMEDOUT "device-mapper is stuck".
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dm/control.h"

struct dm_task;

namespace dmjob::dm {

enum class Ioctl {
  kCreate,
  kLoad,
  kClear,
  kResume,
  kRemove,
  kInfo,
  kDeps,
  kList,
  kTargets,
  kTargetVersion,
  kMakeNode,
};

struct TargetVersion {
  std::string name;
  std::string version;  // "1.14.0"
};

// What udev is told about a device of that kind: DM_UDEV_* of libdevmapper.h.
std::uint16_t udev_flags(Visibility visibility);
// True if udev makes the links in /dev/mapper, and nobody else is to.
bool udev_makes_links();

class Task {
 public:
  // Throws std::system_error if there is no device-mapper.
  Task(Ioctl kind, std::string name);
  // Waits for the cookie, 10 s at most, then counts it down itself.
  ~Task();
  Task(Task&& other) noexcept;
  Task& operator=(Task&&) = delete;

  void set_uuid(const std::string& uuid);
  void set_read_only();
  void set_table(
      const Table& table);  // its text is wiped from the library's and the kernel's buffers
  // Makes the cookie. Throws std::system_error if the system has no semaphore left: to be called
  // before anything that would have to be undone.
  void set_udev_cookie(Visibility visibility);

  // 0 or the ioctl's errno.
  int try_run();
  // As try_run(); throws std::system_error with describe().
  void run();

  // "table load of NAME"; after a failure before the ioctl, with the library's words.
  std::string describe() const;

  // Waits as the destructor does. Precondition: no device of ours is suspended.
  void wait_for_udev() noexcept;

  // Results, each after a successful run of its ioctl.
  std::optional<Device> device() const;  // any ioctl on a device
  std::vector<dev_t> deps() const;
  std::vector<Device> devices() const;  // kList: name and dev
  std::vector<TargetVersion> targets() const;

 private:
  struct Destroy {
    void operator()(dm_task* task) const noexcept;
  };

  Ioctl kind_;
  std::string name_;
  std::unique_ptr<dm_task, Destroy> task_;
  std::uint32_t cookie_ = 0;
  bool ran_ = false;
  std::string library_error_;
};

}  // namespace dmjob::dm

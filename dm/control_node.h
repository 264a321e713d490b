// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The few ioctls that do not go through libdevmapper, because they must not take its lock:
// switching a device off and on, reading a status while it is off, and arming the node for poll().
// Each is one ioctl with its argument on the stack; the descriptor may be used by several threads
// at a time.
//
// Errors: std::system_error with the ioctl, the device's name and errno.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dm/control.h"

namespace dmjob::dm {

// A descriptor of /dev/mapper/control, close-on-exec.
int open_control_node();

// See Control::suspend() and Control::resume(). udev_flags: what udev is told with the change event
// of a resume (DM_UDEV_*, libdevmapper.h); it is not waited for.
void suspend_device(int control_fd, const std::string& name, SuspendMode mode);
void resume_device(int control_fd, const std::string& name, std::uint16_t udev_flags);

// See Control::status(). Only the result is allocated, unless the status is longer than 4 KiB.
std::vector<StatusLine> read_status(int control_fd, const std::string& name);

// See Control::table() and inactive_table(). No key stays in a buffer of the kernel's or of ours.
enum class WhichTable { kLive, kInactive };
Table read_table(int control_fd, const std::string& name, WhichTable which);

// See EventWatch::arm().
void arm_poll(int control_fd);

}  // namespace dmjob::dm

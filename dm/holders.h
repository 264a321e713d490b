// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What /sys and /proc tell of a block device: who keeps it busy, and whether it has a cache. By the
// time it is read it may be otherwise. Never called with a device suspended, but for
// read_writes_ended(). Thread: any.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dm/control.h"

namespace dmjob::dm {

// "used by dm-5 (vol), mounted on /srv, open in dd (pid 12)"; "" if no user was found.
// For messages only.
std::string who_holds(dev_t dev);

// "open in dd (pid 12)", of other processes than this one; "" if none was found. For messages.
std::string processes_with(dev_t dev);

// Control::write_back(), Control::holders(), Control::mounted(), Control::writes_ended().
std::optional<bool> read_write_back(dev_t dev);
std::vector<Holder> read_holders(dev_t dev);
std::vector<dev_t> read_mounted();
std::optional<std::uint64_t> read_writes_ended(dev_t dev);

}  // namespace dmjob::dm

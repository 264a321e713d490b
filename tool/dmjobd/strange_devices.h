// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Devices that carry dmjob's UUID, as parts of a job's stack do, but belong to nothing that the
// state file knows. Thread: the reactor; the kernel is asked on a worker.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "dm/control.h"
#include "libjob/core/registry.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::daemon {

// Logs them; they are never removed. The arguments outlive the call. Throws std::system_error if
// the kernel cannot be asked.
boost::asio::awaitable<void> report_strange_devices(dm::Control& control,
                                                    const core::Registry& registry,
                                                    const volumes::ManagedVolumes& volumes);

}  // namespace dmjob::daemon

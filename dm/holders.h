// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who keeps a block device busy, as far as /sys and /proc tell. For messages only: by the time it
// is read it may be otherwise. Never called with a device suspended.
#pragma once

#include <sys/types.h>

#include <string>

namespace dmjob::dm {

// "used by dm-5 (vol), mounted on /srv, open in dd (pid 12)"; "" if nobody was found.
std::string who_holds(dev_t dev);

}  // namespace dmjob::dm

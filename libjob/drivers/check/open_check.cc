// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/open_check.h"

#include "libjob/volumes/stays_open.h"

namespace dmjob::drivers {

bool is_open(const io::ProbeResult& disk, const CheckContext& context) {
  return !disk.dm_name.empty() && context.control &&
         volumes::stays_open(*context.control, disk.dm_name);
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/attach_check.h"

#include "libjob/drivers/check/own_marks.h"
#include "libjob/volumes/activation.h"

namespace dmjob::drivers {

// What is on the disk stays, so a scratch in the tail of a disk that has served is no obstacle, as
// long as nobody needs it.
volumes::ManagedVolume check_attach(const std::string& name, const std::string& device,
                                    const CheckContext& context) {
  require_untaken(context, {.role = "disk", .path = device}, device);  // says who holds it
  volumes::ManagedVolume volume = volumes::plan_attach(*context.control, name, device);
  require_no_mark(io::probe(device), device, true, 0, context);
  return volume;
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/plan/planned_volume.h"

#include <string_view>
#include <system_error>

#include "libjob/core/error.h"
#include "libjob/io/probe.h"
#include "libjob/io/units.h"

namespace dmjob::drivers {
namespace {

constexpr std::string_view kUuid = "dm/uuid=";  // as io::identify_disk() has it

// "" if it has none, or is not known.
std::string uuid_of(const CopyPlan& plan) {
  const std::string& known = plan.source_disk.lasting;
  return known.starts_with(kUuid) ? known.substr(kUuid.size()) : "";
}

}  // namespace

std::string name_of_planned_volume(dm::Control& control, const CopyPlan& plan) {
  const std::string uuid = uuid_of(plan);
  const auto device = uuid.empty() ? std::nullopt : control.find_by_uuid(uuid);
  return device ? device->name : plan.volume;
}

void require_planned_volume(dm::Control& control, const CopyPlan& plan) {
  const std::string name = "volume '" + plan.volume + "'";
  const auto device = control.find(plan.volume);
  if (!device) throw core::Error(name + " is not there any more");
  const std::string uuid = uuid_of(plan);
  if (!uuid.empty() && uuid != device->uuid)
    throw core::Error(name + " is another one than that of the job: start it again");
  const std::uint64_t size = control.table(plan.volume).sectors() * io::kSector;
  if (size != plan.size)
    throw core::Error(name + " has " + std::to_string(size) + " bytes now and had " +
                      std::to_string(plan.size) +
                      " when the job was made: start it again for all of it");
}

bool is_mounted(const CopyPlan& plan) {
  try {
    return !io::probe(plan.source).mounted_on.empty();
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace dmjob::drivers

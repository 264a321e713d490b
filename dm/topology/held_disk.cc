// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/held_disk.h"

#include <sys/sysmacros.h>

#include <cerrno>
#include <sstream>
#include <system_error>

#include "dm/error.h"
#include "dm/name.h"
#include "dm/step.h"
#include "dm/targets.h"
#include "dm/topology/table_switch.h"

namespace dmjob::dm {

dev_t first_device_of(const Table& table) {
  if (table.segments().size() != 1) return 0;
  std::istringstream words(table.segments().front().args);
  unsigned major = 0;
  unsigned minor = 0;
  char colon = 0;
  words >> major >> colon >> minor;
  return words && colon == ':' ? makedev(major, minor) : 0;
}

dev_t held_by(const Table& table) {
  const bool holds = table.segments().size() == 1 && table.segments().front().target == "linear";
  return holds ? first_device_of(table) : 0;
}

HeldDisk::HeldDisk(Control& control, Ledger& ledger, const std::string& job,
                   const std::string& uuid, const char* part)
    : control_(control),
      ledger_(ledger),
      name_(inner_name(job, part)),
      uuid_(inner_uuid(uuid, part)) {}

bool HeldDisk::is_there() {
  remove_if_half_made(control_, name_, uuid_);
  const auto device = control_.find(name_);
  if (!device) return false;
  if (device->uuid != uuid_) {
    fail(EEXIST, name_ + " exists and is not this job's, UUID \"" + device->uuid + '"');
  }
  return true;
}

void HeldDisk::change(const Table& table) {
  if (control_.table(name_) == table) return;
  const TableSwitch one{name_, table, SuspendMode::kFlush};
  switch_tables(control_, ledger_, {&one, 1}, [] {});
}

void HeldDisk::take(dev_t disk, std::uint64_t sectors) {
  const Table table = linear_table(sectors, disk);
  if (is_there()) return change(table);
  control_.create({name_, uuid_, table, Visibility::kHidden, false});
}

void HeldDisk::let_go() {
  if (disk() != 0) change(error_table(control_.table(name_).sectors()));
}

void HeldDisk::at_rest(const std::function<void()>& inside) {
  SuspendGuard guard(control_, ledger_, name_, SuspendMode::kFlush, OnDeath::kOldTable);
  inside();
  guard.resume();
}

void HeldDisk::remove() { remove_if_ours(control_, name_, uuid_); }

dev_t HeldDisk::disk() { return device() != 0 ? held_by(control_.table(name_)) : 0; }

dev_t HeldDisk::device() {
  const auto device = control_.find(name_);
  return device && device->uuid == uuid_ && device->live_table ? device->dev : 0;
}

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/volume_table.h"

#include <cerrno>
#include <system_error>

#include "dm/error.h"
#include "dm/name.h"
#include "dm/topology/stateless.h"

namespace dmjob::dm {

Table checked_volume_table(Control& control, const std::string& volume) {
  const auto device = control.find(volume);
  if (!device) fail(ENODEV, "no device-mapper volume " + volume);
  if (device->suspended) fail(EBUSY, volume + " is suspended, by somebody else");
  if (device->read_only) fail(EROFS, volume + " is read-only");
  if (device->inactive_table) fail(EBUSY, "somebody else has loaded a table for " + volume);
  Table table = control.table(volume);
  if (table.sectors() == 0) fail(EINVAL, volume + " is empty");
  const std::string stateful = first_stateful_target(table);
  if (!stateful.empty()) {
    fail(EOPNOTSUPP, volume + " has a " + stateful + " target, which must not be active twice");
  }
  return table;
}

void resume_left_volume(Control& control, const std::string& volume,
                        const StandingVolume::IsOurs& ours, const Table& own) {
  const auto device = control.find(volume);
  if (!device || !(device->suspended || device->inactive_table)) return;
  const Table loaded = control.inactive_table(volume);
  const bool loaded_by_us = !loaded.empty() && ours(loaded);
  if (!loaded_by_us && !ours(control.table(volume))) return;
  if (loaded_by_us || (!loaded.empty() && loaded == own)) control.clear(volume);
  if (device->suspended) control.resume(volume);
}

TableReplaced::TableReplaced(const std::string& volume)
    : std::system_error(ESTALE, std::generic_category()),
      text_("the table of volume " + volume +
            " was replaced by somebody else (LVM perhaps: lvchange --refresh, lvextend)") {}

Table StandingVolume::table_of(const std::string& name) const {
  try {
    return control_.table(name);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::no_such_device_or_address) throw;
    return {};
  }
}

bool StandingVolume::stands(const IsOurs& ours) {
  const auto is_ours = [&](Table table) {
    if (table.empty() || !ours(table)) return false;
    seen_ = std::move(table);
    return true;
  };
  if (is_ours(table())) return true;
  for (const Device& device : control_.list()) {
    if (is_inner_name(device.name) || !is_ours(table_of(device.name))) continue;
    name_ = device.name;
    return true;
  }
  return false;
}

const Table& StandingVolume::require(const std::function<bool()>& stands) {
  if (required_.empty() || table() != required_) {
    if (!stands()) throw TableReplaced(name_);
    required_ = seen_;
  }
  return required_;
}

}  // namespace dmjob::dm

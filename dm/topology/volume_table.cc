// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/volume_table.h"

#include <cerrno>
#include <system_error>

#include "dm/topology/stateless.h"

namespace dmjob::dm {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

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

void settle_volume(Control& control, const std::string& volume,
                   const std::function<bool(const Table&)>& ours) {
  const auto device = control.find(volume);
  if (!device || !(device->suspended || device->inactive_table)) return;
  const bool loaded_by_us = device->inactive_table && ours(control.inactive_table(volume));
  if (!loaded_by_us && !ours(control.table(volume))) return;
  if (device->inactive_table) control.clear(volume);
  if (device->suspended) control.resume(volume);
}

}  // namespace dmjob::dm

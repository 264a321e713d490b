// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/inner_devices.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <ranges>
#include <system_error>
#include <utility>

#include "dm/error.h"
#include "dm/name.h"

namespace dmjob::dm {
namespace {

void check_ours(const Device& device, const std::string& uuid) {
  if (device.uuid != uuid) {
    fail(EEXIST, device.name + " exists and is not this job's, UUID \"" + device.uuid + '"');
  }
}

}  // namespace

InnerDevices::InnerDevices(Control& control, std::string job, std::string uuid,
                           std::span<const char* const> parts)
    : control_(control), job_(std::move(job)), uuid_(std::move(uuid)), parts_(parts) {}

std::string InnerDevices::name(const std::string& part) const { return inner_name(job_, part); }

std::string InnerDevices::uuid(const std::string& part) const { return inner_uuid(uuid_, part); }

NewDevice InnerDevices::hidden(const std::string& part, Table table, bool read_only) const {
  return {name(part), uuid(part), std::move(table), Visibility::kHidden, read_only};
}

InnerDevices::Numbers InnerDevices::find() const {
  Numbers found;
  for (const char* part : parts_) {
    const auto device = control_.find(name(part));
    if (device && device->uuid == uuid(part) && device->live_table) found[part] = device->dev;
  }
  return found;
}

Plan InnerDevices::removal(const std::string& but) const {
  Plan plan;
  for (const char* part : std::views::reverse(parts_)) {
    if (part == but) continue;
    plan.push_back(Step::remove(name(part), uuid(part)));
  }
  return plan;
}

void InnerDevices::check_leftovers(const std::string& volume) const {
  const auto below = control_.deps(volume);
  for (const char* part : parts_) {
    const auto device = control_.find(name(part));
    if (!device) continue;
    check_ours(*device, uuid(part));
    if (std::ranges::count(below, device->dev) != 0) {
      fail(EBUSY, volume + " still stands on " + device->name);
    }
  }
}

void InnerDevices::require_ours() const {
  for (const char* part : parts_) {
    if (const auto device = control_.find(name(part))) check_ours(*device, uuid(part));
  }
}

void InnerDevices::resume_leftovers() const {
  for (const char* part : parts_) {
    const auto device = control_.find(name(part));
    if (!device) continue;
    check_ours(*device, uuid(part));
    if (device->inactive_table) control_.clear(device->name);
    // A shell that never had a table cannot be resumed; remove() takes it away.
    if (device->suspended && device->live_table) control_.resume(device->name);
  }
}

void InnerDevices::remove(const std::string& but) const {
  std::exception_ptr first_error;
  const char* top = parts_.back();
  remove_if_ours(control_, name(top), uuid(top));  // while it is there, others are in use
  for (const char* part : std::views::reverse(parts_.first(parts_.size() - 1))) {
    if (part == but) continue;
    try {
      remove_if_ours(control_, name(part), uuid(part));
    } catch (const std::system_error&) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace dmjob::dm

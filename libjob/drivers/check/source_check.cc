// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/source_check.h"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "dm/name.h"
#include "dm/targets.h"
#include "dm/topology/stateless.h"
#include "libjob/core/error.h"
#include "libjob/io/block_device.h"
#include "libjob/io/sysfs.h"
#include "libjob/volumes/activation.h"
#include "libjob/volumes/disk_users.h"

namespace dmjob::drivers {

using core::Error;

io::ProbeResult probe_or_refuse(const std::string& path, const std::string& role) {
  return volumes::probe_or_refuse(path, role + " " + path);
}

namespace {

std::string owner_of(const std::string& uuid) {
  const std::string owner = volumes::owner_by_uuid(uuid);
  return owner.empty() ? "another program" : owner;
}

// cryptsetup puts a key where it alone finds it, while it runs: such a table cannot be loaded
// again.
bool has_lost_key(const dm::Segment& segment) {
  std::istringstream words(segment.args);
  std::string cipher;
  std::string key;
  words >> cipher >> key;
  return segment.target == "crypt" && key.starts_with(':') &&
         key.find(":cryptsetup:") != std::string::npos;
}

// What the stack of a job would find out only when the job has begun.
void check_table(const dm::Table& table, const std::string& name) {
  const std::string stateful = dm::first_stateful_target(table);
  if (!stateful.empty())
    throw Error("volume '" + name + "' has a " + stateful +
                " target, which must not be active twice: it cannot be copied while in use");
  if (std::ranges::any_of(table.segments(), has_lost_key))
    throw Error("volume '" + name +
                "' has its key in a keyring that is gone: 'cryptsetup refresh "
                "--disable-keyring " +
                name + "' puts it into the table, then copy");
}

// One that was renamed is known by its uuid: what is noted of its jobs has the old name.
void require_known_by_name(const dm::Device& device, const CheckContext& context) {
  for (const auto& [name, volume] : context.volumes)
    if (name != device.name && device.uuid == dm::volume_uuid(volume.uuid))
      throw Error("volume '" + name + "': " + volumes::renamed_in_words(volume, device.name));
}

void require_no_job_below(const dm::Device& volume) {
  const std::string below = io::sysfs::folder(volume.dev) + "/slaves";
  for (const std::string& name : io::sysfs::names_in(below)) {
    const std::string uuid = io::sysfs::first_line(below + "/" + name + "/dm/uuid");
    if (uuid.starts_with(dm::kInnerUuidPrefix))
      throw Error("volume '" + volume.name +
                  "' stands on devices of a job already ('dmjob list'): wait for its end, or "
                  "cancel it");
  }
}

// Nobody can write to it, so it is copied as any disk that is idle.
Source read_only_source(const std::string& path, const CheckContext& context) {
  io::ProbeResult what = probe_or_refuse(path, "source");
  require_untaken(context, {.role = "source", .path = path}, "source " + path);
  if (const auto user = volumes::user_of(what))
    throw Error("source " + path + " is " + user->how +
                ", and is read-only, so that it is copied " +
                "while nobody uses it: " + user->cure);
  return {.what = what, .volume = {}, .managed = false, .tracked = false, .owner = {}};
}

Source live_source(const std::string& name, const CheckContext& context) {
  if (!context.control)
    throw Error("volume '" + name + "': this kernel has no device-mapper (modprobe dm-mod)");
  auto device = context.control->find(name);
  const auto ours = context.volumes.find(name);
  if (!device && ours != context.volumes.end() && !ours->second.error.empty())
    throw Error("volume '" + name + "' is not active: " + ours->second.error);
  if (!device)
    throw Error("Cannot find volume '" + name + "': 'dmjob volumes' and 'dmsetup ls' list them");
  if (device->uuid.starts_with(dm::kInnerUuidPrefix))
    throw Error("'" + name + "' is an inner device of a dmjob job: name its volume");
  if (device->suspended)
    throw Error("volume '" + name + "' is suspended: 'dmsetup resume " + name + "' first");
  if (device->read_only) return read_only_source("/dev/mapper/" + name, context);
  Source source;
  source.what = probe_or_refuse(io::device_path(device->dev), "volume");
  require_untaken(context, {.role = "source", .path = source.what.path, .live = true},
                  "volume '" + name + "'");
  source.volume = name;
  source.managed =
      ours != context.volumes.end() && device->uuid == dm::volume_uuid(ours->second.uuid);
  source.tracked = source.managed && ours->second.tracking;
  if (!source.managed) {
    require_known_by_name(*device, context);
    require_no_job_below(*device);
    source.owner = owner_of(device->uuid);
  }
  check_table(context.control->table(name), name);
  return source;
}

void require_idle(const io::ProbeResult& disk) {
  const auto user = volumes::user_of(disk);
  if (!user) return;
  throw Error("source " + disk.path + " is " + user->how +
              " and not a device-mapper volume: release it once and put it under dmjob with "
              "'dmjob attach NAME " +
              disk.path + "', then copy NAME");
}

// Whoever writes through the loop device may not have written yet.
void require_idle_file(const io::ProbeResult& file) {
  const auto user = volumes::user_of(file);
  if (!user) return;
  const std::string way_out = file.mounted_on.empty()
                                  ? "copy /dev/" + file.holders.front() + ", or detach that first"
                                  : user->cure;
  throw Error("source " + file.path + " is " + user->how + ": " + way_out);
}

}  // namespace

Source find_source(const std::string& given, const CheckContext& context) {
  if (given.find('/') == std::string::npos) return live_source(given, context);
  io::ProbeResult what = probe_or_refuse(given, "source");
  if (!what.dm_name.empty()) return live_source(what.dm_name, context);
  // First: such a use also looks like a holder, and this says more.
  require_untaken(context, {.role = "source", .path = what.path}, "source " + what.path);
  what.kind == io::Kind::kBlockDevice ? require_idle(what) : require_idle_file(what);
  return {.what = what, .volume = {}, .managed = false, .tracked = false, .owner = {}};
}

}  // namespace dmjob::drivers

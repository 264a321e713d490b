// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/mounted_above.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <map>
#include <system_error>
#include <thread>
#include <utility>

#include "dm/topology/freezing.h"
#include "libjob/io/fd.h"
#include "libjob/io/sysfs.h"
#include "libjob/volumes/disk_users.h"

namespace dmjob::volumes {
namespace {

bool contains(const auto& list, const auto& value) {
  return std::ranges::find(list, value) != list.end();
}

// Everything above a device, each with what keeps the freezing from it.
class Climb {
 public:
  struct Place {
    std::string name;  // the kernel's
    std::string why;   // "": nothing
  };

  Climb(dm::Control& control, const dm::Above& above, const io::MountTable& table)
      : control_(control), obstacles_(above.others), table_(table) {}

  void begin_at(dev_t dev) {
    places_[dev] = {};
    up_from(dev, "");
  }
  // That of the first of its disks that is above; nullptr: none is.
  const Place* find(const io::Mounted& mounted) const {
    for (const dev_t disk : mounted.disks)
      if (const auto found = places_.find(disk); found != places_.end()) return &found->second;
    return nullptr;
  }

 private:
  void up_from(dev_t dev, const std::string& why);
  void up_from_files(dev_t file_system, const std::string& why);
  void visit(dev_t dev, const std::string& name, const std::string& why) {
    if (places_.try_emplace(dev, name, why).second) up_from(dev, why);
  }
  std::string obstacle_at(dev_t holder) const {
    const auto found = obstacles_.find(holder);
    return found == obstacles_.end() ? "" : found->second.first + " " + found->second.second;
  }

  dm::Control& control_;
  const decltype(dm::Above::others)& obstacles_;
  const io::MountTable& table_;
  std::map<dev_t, Place> places_;
};

void Climb::up_from(dev_t dev, const std::string& why) {
  for (const dm::Holder& holder : control_.holders(dev))
    visit(holder.dev, holder.name, why.empty() ? obstacle_at(holder.dev) : why);
  for (const dev_t partition : io::sysfs::partitions(dev))
    visit(partition, io::sysfs::kernel_name(partition), why);
  up_from_files(dev, why);
  for (const io::Mounted& mounted : table_.mounted)
    if (contains(mounted.disks, dev)) up_from_files(mounted.number, why);
}

// A loop device is over the file system's file, or over the disk.
void Climb::up_from_files(dev_t file_system, const std::string& why) {
  for (const auto& [loop, below] : table_.loops) {
    if (below != file_system) continue;
    const std::string name = io::sysfs::kernel_name(loop);
    visit(loop, name, why.empty() ? name + " is a loop device" : why);
  }
}

// The kernel blocks those who write to it, but does not tell its program to write what it holds.
bool is_by_a_program(const std::string& type) {
  return type == "fuseblk" || type.starts_with("fuseblk.");
}

std::string why_not_frozen(const io::Mounted& mounted, const Climb::Place& place) {
  if (!place.why.empty()) return place.why;
  if (is_by_a_program(mounted.type)) return "what its program still holds is not written";
  return major(mounted.number) == 0 ? "the kernel does not freeze a " + mounted.type : "";
}

// What is not mounted in our namespace, and is mounted all the same.
std::vector<dev_t> mounted_elsewhere(dm::Control& control, const io::MountTable& table) {
  std::vector<dev_t> found = control.mounted();
  std::erase_if(found, [&](dev_t dev) {
    const auto is_it = [dev](const io::Mounted& mounted) { return mounted.number == dev; };
    const bool read_only = io::sysfs::first_line(io::sysfs::folder(dev) + "/ro") == "1";
    return read_only || std::ranges::any_of(table.mounted, is_it);
  });
  return found;
}

io::MountTable with_those_elsewhere(dm::Control& control, io::MountTable table) {
  for (const dev_t dev : mounted_elsewhere(control, table)) {
    io::Mounted mounted;
    mounted.number = dev;
    mounted.disks = {dev};
    table.mounted.push_back(std::move(mounted));
  }
  return table;
}

std::string place_in_words(const std::vector<std::string>& points) {
  if (points.empty()) return " that is mounted in another namespace";
  return " at " + points.front() + (points.size() > 1 ? " and elsewhere" : "");
}

void sort_in(MountedAbove& found, const io::Mounted& mounted, const Climb::Place& place) {
  const std::string why = why_not_frozen(mounted, place);
  if (why.empty())
    found.frozen.push_back(mounted);
  else
    found.others.push_back({mounted, place.name.empty() ? "" : holder_in_words(place.name), why});
}

// Those that are over-mounted are not reached; that costs time only.
void sync(const std::vector<io::Mounted>& all) {
  for (const io::Mounted& mounted : all) {
    for (const std::string& point : mounted.points) {
      const io::Fd folder(open(point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (folder && syncfs(folder.get()) == 0) break;
    }
  }
}

// By a thread of its own, which is left alone if a disk hangs.
void sync_for(std::chrono::seconds timeout, std::vector<io::Mounted> all) {
  std::packaged_task<void()> task([all = std::move(all)] { sync(all); });
  const std::future<void> done = task.get_future();
  std::thread(std::move(task)).detach();
  done.wait_for(timeout);
}

}  // namespace

// What nothing keeps from it is on the volume, or on a device at the top.
MountedAbove look_at_mounts(dm::Control& control, const std::string& volume,
                            const io::MountTable& given) {
  MountedAbove found;
  const auto device = control.find(volume);
  if (!device) return found;
  const io::MountTable table = with_those_elsewhere(control, given);
  const dm::Above above = dm::look_above(control, volume);
  Climb climb(control, above, table);
  climb.begin_at(device->dev);
  for (const io::Mounted& mounted : table.mounted)
    if (const Climb::Place* place = mounted.read_only ? nullptr : climb.find(mounted))
      sort_in(found, mounted, *place);
  return found;
}

std::string in_words(const NotFrozen& one, const std::string& volume) {
  const std::string type = one.what.type.empty() ? "file system" : one.what.type;
  const std::string disk = one.disk.empty() ? "" : ", on " + one.disk + ",";
  return "the " + type + place_in_words(one.what.points) + disk + " is not frozen with volume '" +
         volume + "': " + one.why;
}

std::string volume_at(const std::string& given) {
  if (given.find('/') == std::string::npos) return given;
  const dev_t dev = io::sysfs::disk_at(given);
  return dev == 0 ? "" : io::sysfs::first_line(io::sysfs::folder(dev) + "/dm/name");
}

std::vector<std::string> not_frozen_with(dm::Control& control, const std::string& volume) {
  std::vector<std::string> lines;
  try {
    const MountedAbove found = look_at_mounts(control, volume, io::read_mount_table());
    for (const NotFrozen& one : found.others) lines.push_back(in_words(one, volume));
  } catch (const std::system_error& error) {
    lines.push_back("what is not frozen with volume '" + volume +
                    "' cannot be told: " + error.what());
  }
  return lines;
}

void sync_mounts(dm::Control& control, const std::string& volume) {
  constexpr std::chrono::seconds kTimeout(10);
  const MountedAbove found = look_at_mounts(control, volume, io::read_mount_table());
  std::vector<io::Mounted> others;
  others.reserve(found.others.size());
  for (const NotFrozen& one : found.others) others.push_back(one.what);
  if (!others.empty()) sync_for(kTimeout, std::move(others));  // they write to the files of those
  sync(found.frozen);
}

}  // namespace dmjob::volumes

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/kernel_control.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <system_error>
#include <thread>

#include "dm/control_node.h"
#include "dm/error.h"
#include "dm/holders.h"
#include "dm/name.h"
#include "dm/targets.h"
#include "dm/task.h"

namespace dmjob::dm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kRemoveTimeout{5};

[[noreturn]] void fail(int error, const std::string& what, const std::string& why) {
  dm::fail(error, why.empty() ? what : what + ": " + why);
}

// libdevmapper makes a node that is missing, with the rights of its own choice; opened after that.
int open_control() {
  Task(Ioctl::kList, "").run();
  return open_control_node();
}

std::string path_of(const std::string& name) { return "/dev/mapper/" + name; }

bool is_node_of(const std::string& name, dev_t dev) {
  struct stat status;
  return stat(path_of(name).c_str(), &status) == 0 && S_ISBLK(status.st_mode) &&
         status.st_rdev == dev;
}

// A link that udev did not make it does not take away.
void remove_dangling_link(const std::string& name) {
  struct stat status;
  const std::string path = path_of(name);
  const bool is_link = lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
  if (is_link && stat(path.c_str(), &status) != 0 && errno == ENOENT) unlink(path.c_str());
}

// Without a semaphore a device must still be removable; the library then cleans up the node itself.
void try_udev_cookie(Task& task, Visibility visibility) {
  try {
    task.set_udev_cookie(visibility);
  } catch (const std::system_error&) {
  }
}

// The devices that a table names as MAJOR:MINOR, with their holders.
std::string explain_table(const Table& table) {
  std::string text;
  for (const Segment& segment : table.segments()) {
    std::istringstream words(segment.args);
    for (std::string word; words >> word;) {
      unsigned major = 0;
      unsigned minor = 0;
      int end = 0;
      if (std::sscanf(word.c_str(), "%u:%u%n", &major, &minor, &end) != 2) continue;
      if (static_cast<std::size_t>(end) != word.size()) continue;
      if (access(("/sys/dev/block/" + word).c_str(), F_OK) != 0) {
        text += (text.empty() ? "" : "; ") + word + " does not exist";
        continue;
      }
      const std::string holders = who_holds(makedev(major, minor));
      if (!holders.empty()) text += (text.empty() ? "" : "; ") + word + " is " + holders;
    }
  }
  return text;
}

}  // namespace

KernelControl::KernelControl() : fd_(open_control()) {}

KernelControl::~KernelControl() { close(fd_); }

dev_t KernelControl::create(const NewDevice& device) {
  Task resume(Ioctl::kResume, device.name);
  resume.set_udev_cookie(device.visibility);  // where that fails, nothing has been made yet
  Task create(Ioctl::kCreate, device.name);
  if (!device.uuid.empty()) create.set_uuid(device.uuid);
  const int error = create.try_run();
  if (error != 0) fail(error, create.describe(), explain_create(device));
  try {
    load_and_resume(device, resume);
    resume.wait_for_udev();
    const dev_t dev = resume.device().value().dev;
    make_sure_of_node(device.name, dev);
    return dev;
  } catch (...) {
    try {
      remove(device.name);
    } catch (...) {  // the first error is what counts; the shell is found again by its UUID
    }
    throw;
  }
}

void KernelControl::load_and_resume(const NewDevice& device, Task& resume) {
  load_table(device.name, device.table, device.read_only);
  resume.run();
}

void KernelControl::load(const std::string& name, const Table& table) {
  const auto device = find(name);
  if (!device) fail(ENXIO, "dm table load of " + name, "there is no such device");
  load_table(name, table, device->read_only);
}

void KernelControl::load_table(const std::string& name, const Table& table, bool read_only) {
  Task task(Ioctl::kLoad, name);
  task.set_table(table);
  if (read_only) task.set_read_only();
  const int error = task.try_run();
  if (error == ENOKEY) {
    fail(error, task.describe(),
         "its key was in a keyring of the program that opened it and is gone; a volume opened with "
         "cryptsetup --disable-keyring can be used");
  }
  if (error != 0) fail(error, task.describe(), explain_table(table));
}

void KernelControl::clear(const std::string& name) { Task(Ioctl::kClear, name).run(); }

void KernelControl::suspend(const std::string& name, SuspendMode mode) {
  suspend_device(fd_, name, mode);
}

void KernelControl::resume(const std::string& name) {
  // By the name and not by the UUID: that would be one more ioctl with the device suspended.
  resume_device(fd_, name,
                udev_flags(is_inner_name(name) ? Visibility::kHidden : Visibility::kPublic));
}

void KernelControl::remove(const std::string& name) {
  const auto visibility = is_inner_name(name) ? Visibility::kHidden : Visibility::kPublic;
  const auto deadline = steady_clock::now() + kRemoveTimeout;
  for (milliseconds pause{5};; pause = std::min(pause * 2, milliseconds{400})) {
    Task task(Ioctl::kRemove, name);
    try_udev_cookie(task, visibility);
    const int error = task.try_run();
    if (error == 0) {
      task.wait_for_udev();
      return remove_dangling_link(name);
    }
    if (error != EBUSY || steady_clock::now() >= deadline) {
      fail(error, task.describe(), explain(name));
    }
    task.wait_for_udev();
    std::this_thread::sleep_for(pause);
  }
}

std::optional<Device> KernelControl::find(const std::string& name) {
  Task task(Ioctl::kInfo, name);
  task.run();
  return task.device();
}

std::optional<Device> KernelControl::find_by_uuid(const std::string& uuid) {
  Task task(Ioctl::kInfo, "");
  task.set_uuid(uuid);
  task.run();
  return task.device();
}

std::vector<Device> KernelControl::list() {
  Task task(Ioctl::kList, "");
  task.run();
  return task.devices();
}

Table KernelControl::table(const std::string& name) {
  return read_table(fd_, name, WhichTable::kLive);
}

Table KernelControl::inactive_table(const std::string& name) {
  return read_table(fd_, name, WhichTable::kInactive);
}

std::vector<StatusLine> KernelControl::status(const std::string& name) {
  return read_status(fd_, name);
}

std::vector<dev_t> KernelControl::deps(const std::string& name) {
  Task task(Ioctl::kDeps, name);
  task.run();
  return task.deps();
}

std::optional<bool> KernelControl::write_back(dev_t dev) { return read_write_back(dev); }

std::vector<Holder> KernelControl::holders(dev_t dev) { return read_holders(dev); }

std::vector<dev_t> KernelControl::mounted() { return read_mounted(); }

std::optional<std::uint64_t> KernelControl::writes_ended(dev_t dev) {
  return read_writes_ended(dev);
}

std::vector<std::string> KernelControl::targets() {
  Task task(Ioctl::kTargets, "");
  task.run();
  std::vector<std::string> names;
  for (TargetVersion& target : task.targets()) names.push_back(std::move(target.name));
  return names;
}

std::optional<std::string> KernelControl::target_version(const std::string& target) {
  Task task(Ioctl::kTargetVersion, target);
  const int error = task.try_run();
  if (error == 0) {
    const auto found = task.targets();
    if (!found.empty()) return found.front().version;
  }
  // The kernel has no such target (EINVAL), or is older than the ioctl (before 5.4).
  Task all(Ioctl::kTargets, "");
  all.run();
  for (const TargetVersion& one : all.targets()) {
    if (one.name == target) return one.version;
  }
  return std::nullopt;
}

// A udev that is late would put no link in the place of a node, which would be left when the device
// goes: so it finds the link that it would have made.
void KernelControl::make_sure_of_node(const std::string& name, dev_t dev) {
  if (is_node_of(name, dev)) return;
  const std::string node = "../dm-" + std::to_string(minor(dev));
  if (!udev_makes_links() || symlink(node.c_str(), path_of(name).c_str()) != 0)
    Task(Ioctl::kMakeNode, name).run();
  if (!is_node_of(name, dev)) fail(ENOENT, path_of(name), "the node was not made");
}

std::string KernelControl::explain(const std::string& name) {
  const auto device = find(name);
  if (!device) return "there is no such device";
  const std::string holders = who_holds(device->dev);
  std::string text = "open " + std::to_string(device->open_count) + " times";
  return holders.empty() ? text : text + ", " + holders;
}

std::string KernelControl::explain_create(const NewDevice& device) {
  const auto same_name = find(device.name);
  if (same_name) return "the name exists, with the UUID \"" + same_name->uuid + '"';
  if (device.uuid.empty()) return "";
  const auto other = find_by_uuid(device.uuid);
  return other ? "its UUID belongs to " + other->name : "";
}

}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/disks_below.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>

#include "libjob/io/fd.h"
#include "libjob/io/file_system_ground.h"
#include "libjob/io/loop_device.h"
#include "libjob/io/probe.h"
#include "libjob/io/sysfs.h"

namespace dmjob::io {
namespace {

bool contains(const auto& list, const auto& value) {
  return std::ranges::find(list, value) != list.end();
}

// What is there, links followed; of what is not, the nearest folder on the way there.
std::filesystem::path nearest(std::filesystem::path path) {
  constexpr int kMostLinks = 40;  // as the kernel
  std::error_code ignored;
  for (int links = 0; !std::filesystem::exists(path, ignored);) {
    if (std::filesystem::is_symlink(path, ignored) && ++links <= kMostLinks)
      path = path.parent_path() / std::filesystem::read_symlink(path, ignored);
    else if (path.has_relative_path())
      path = path.parent_path();
    else
      break;
  }
  return path;
}

// From the top down, each place once.
class Descent {
 public:
  explicit Descent(dev_t end) : end_(end) {}

  void visit(dev_t disk);
  void visit(const std::string& path);
  DisksBelow take() { return std::move(found_); }

 private:
  void visit_loop(dev_t loop);
  void visit_file_of_loop(const std::string& node, const loop_info64& info,
                          const std::string& path);
  void visit(const sysfs::Mount& mount, const std::string& inside, dev_t number);
  void note_unknown(const std::string& why) {
    if (found_.unknown.empty()) found_.unknown = why;
  }

  dev_t end_;  // 0: none
  bool below_a_disk_ = false;
  std::vector<std::string> mounts_;  // ids of those that are being visited
  DisksBelow found_;
};

void Descent::visit(dev_t disk) {
  if (!below_a_disk_ && !contains(found_.direct, disk)) found_.direct.push_back(disk);
  if (contains(found_.disks, disk)) return;
  found_.disks.push_back(disk);
  if (disk == end_) return;
  const bool before = std::exchange(below_a_disk_, true);
  if (sysfs::is_partition(disk))
    if (const auto whole = sysfs::whole_disk(disk)) visit(*whole);
  const std::string slaves = sysfs::folder(disk) + "/slaves";
  for (const std::string& name : sysfs::names_in(slaves))
    if (const auto slave = sysfs::parse_number(sysfs::first_line(slaves + "/" + name + "/dev")))
      visit(*slave);
  if (sysfs::kernel_name(disk).starts_with("zd"))
    note_unknown("/dev/" + sysfs::kernel_name(disk) + " is a volume of ZFS");
  visit_loop(disk);
  below_a_disk_ = before;
}

// Its file is asked of the device, since the path of the file may lead to another one by now, or in
// our namespace.
void Descent::visit_loop(dev_t loop) {
  const std::string path = sysfs::first_line(sysfs::folder(loop) + "/loop/backing_file");
  if (path.empty()) return;
  const std::string node = "/dev/" + sysfs::kernel_name(loop);
  const Fd fd(open(node.c_str(), O_RDONLY | O_CLOEXEC));
  if (const auto info = fd ? loop_info(fd.get()) : std::nullopt)
    visit_file_of_loop(node, *info, path);
  else
    note_unknown(node + " does not tell its file");
}

void Descent::visit_file_of_loop(const std::string& node, const loop_info64& info,
                                 const std::string& path) {
  if (info.lo_rdevice != 0) return visit(static_cast<dev_t>(info.lo_rdevice));
  struct stat facts{};
  if (stat(path.c_str(), &facts) == 0 && is_over(info, facts)) return visit(path);
  const auto number = static_cast<dev_t>(info.lo_device);
  if (major(number) != 0) return visit(number);
  for (const sysfs::Mount& mount : sysfs::mounts())
    if (stat(mount.point.c_str(), &facts) == 0 && facts.st_dev == number)
      return visit(mount, mount.point, number);
  note_unknown(node + " has a file, " + path + ", that cannot be found");
}

void Descent::visit(const std::string& path) {
  const std::string there = nearest(path);
  struct statx facts{};
  if (statx(AT_FDCWD, there.c_str(), 0, STATX_BASIC_STATS | STATX_MNT_ID, &facts) != 0)
    return note_unknown(there + " cannot be looked at");
  if (S_ISBLK(facts.stx_mode)) return visit(makedev(facts.stx_rdev_major, facts.stx_rdev_minor));
  const dev_t number = makedev(facts.stx_dev_major, facts.stx_dev_minor);
  for (const sysfs::Mount& mount : sysfs::mounts())
    if (mount.id == std::to_string(facts.stx_mnt_id)) return visit(mount, there, number);
  if (major(number) != 0) return visit(number);
  note_unknown(there + " is on no mount that can be seen");
}

// One that is made of itself has been mounted over what it is made of.
void Descent::visit(const sysfs::Mount& mount, const std::string& inside, dev_t number) {
  if (contains(mounts_, mount.id)) return note_unknown(mount.point + " hides what it is made of");
  mounts_.push_back(mount.id);
  const Ground ground = ground_of(mount, inside, number);
  if (!ground.unknown.empty()) note_unknown(ground.unknown);
  for (const dev_t disk : ground.disks) visit(disk);
  for (const std::string& folder : ground.folders) visit(folder);
  mounts_.pop_back();
}

}  // namespace

DisksBelow disks_below(const std::string& path) {
  Descent descent(0);
  descent.visit(path);
  return descent.take();
}

DisksBelow disks_below(dev_t disk) { return disks_below(disk, 0); }

DisksBelow disks_below(dev_t disk, dev_t end) {
  Descent descent(end);
  descent.visit(disk);
  return descent.take();
}

std::vector<dev_t> stands_on(dev_t dev) { return disks_below(dev).disks; }

bool overlaps(dev_t a, dev_t b) { return contains(stands_on(a), b) || contains(stands_on(b), a); }

}  // namespace dmjob::io

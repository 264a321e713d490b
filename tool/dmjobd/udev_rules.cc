// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/udev_rules.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <sstream>
#include <thread>

#include "libjob/io/fd.h"
#include "libjob/io/sysfs.h"
#include "libjob/io/udev_database.h"
#include "tool/dmjobd/udev_reload.h"

namespace dmjob::daemon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kName = "11-dmjob-disks.rules";
constexpr const char* kNameOfThisBoot = "11-dmjob-disks-now.rules";
constexpr const char* kUdev = "/run/udev";

void sync_folder(const fs::path& folder) {
  const io::Fd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) io::throw_last_error(folder);
}

// udev reads names that end in .rules only.
void replace(const fs::path& path, const std::string& text) {
  const std::string aside = path.string() + ".new";
  {
    const io::Fd fd(open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd) io::throw_last_error(aside);
    io::write_all(fd.get(), text, aside);
    if (fsync(fd.get()) != 0) io::throw_last_error(aside);
  }
  if (rename(aside.c_str(), path.c_str()) != 0) io::throw_last_error(path);
}

std::string without_comments(const std::string& text) {
  std::istringstream lines(text);
  std::string rest;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with('#')) rest += line + "\n";
  return rest;
}

// An empty text is no file. Another comment alone is no other rule: a pivot, which changes what a
// disk is, must not have to wait for udev.
bool put(const fs::path& path, const std::string& text) {
  if (without_comments(io::sysfs::content_of(path)) == without_comments(text)) return false;
  if (!text.empty()) {
    replace(path, text);
  } else if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    io::throw_last_error(path);
  }
  sync_folder(path.parent_path());
  return true;
}

bool is_running() { return access("/run/udev/control", F_OK) == 0; }

// Where /sys is read only (the unit's sandbox), as udev itself does after a write: it watches for
// the end of one.
void raise_event(dev_t disk) {
  const std::string path = io::sysfs::folder(disk) + "/uevent";
  const io::Fd event(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (event && write(event.get(), "change", 6) == 6) return;
  const std::string node = "/dev/" + io::sysfs::kernel_name(disk);
  const io::Fd closed_at_once(open(node.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace

bool UdevRules::write(const volumes::HidingRules& rules) {
  if (fs::is_directory(kUdev)) fs::create_directories(folder_);
  if (!fs::is_directory(folder_)) return false;
  bool changed = put(fs::path(folder_) / kName, rules.lasting);
  if (fs::is_directory(kUdev)) {
    const fs::path folder = fs::path(kUdev) / "rules.d";
    fs::create_directory(folder);
    changed = put(folder / kNameOfThisBoot, rules.this_boot) || changed;
  }
  if (changed && is_running()) reload_rules(folder_);
  return changed;
}

void look_again(const std::string& path) {
  const dev_t disk = io::sysfs::disk_at(path);
  if (disk == 0) return;
  raise_event(disk);
  for (const dev_t partition : io::sysfs::partitions(disk)) raise_event(partition);
}

void await_hidden(const std::string& path) {
  constexpr auto kLook = std::chrono::milliseconds(20);
  constexpr int kLooks = 250;
  constexpr int kSecond = 50;
  const dev_t disk = io::sysfs::disk_at(path);
  if (disk == 0 || !is_running()) return;
  for (int i = 1; i <= kLooks && !io::is_hidden(disk); ++i) {
    std::this_thread::sleep_for(kLook);
    if (i % kSecond == 0) raise_event(disk);
  }
}

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/target_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libjob/io/fd.h"

namespace dmjob::drivers {

void make_target_file(const CopyPlan& plan) {
  const io::Fd file(::open(plan.target.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) io::throw_last_error(plan.target);
  if (ftruncate(file.get(), 0) != 0 || ftruncate(file.get(), static_cast<off_t>(plan.size)) != 0)
    io::throw_last_error(plan.target);
}

std::string file_identity(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) return "";
  return io::boot_id() + " " + std::to_string(facts.st_dev) + " " + std::to_string(facts.st_ino);
}

bool is_same_file(const std::string& identity, const std::string& path) {
  const std::string now = file_identity(path);
  if (now == identity) return true;
  const bool same_boot = identity.starts_with(io::boot_id() + " ");
  return !same_boot && !now.empty() && identity.ends_with(" " + file_inode(path));
}

std::string file_inode(const std::string& path) {
  struct stat facts{};
  return stat(path.c_str(), &facts) == 0 ? std::to_string(facts.st_ino) : "";
}

io::Sameness TargetDisk::check() {
  io::Sameness sameness = io::Sameness::kSame;
  if (plan_.new_file || !plan_.target_file.empty()) {
    if (file_inode(plan_.target).empty()) io::throw_last_error(plan_.target);
    if (!plan_.target_file.empty() && !is_same_file(plan_.target_file, plan_.target))
      io::throw_error(ENOENT, "another file is in the place of " + plan_.target);
  } else {
    const io::DiskIdentity now = io::identify_disk(plan_.target);
    sameness = io::compare(disk_, now);
    if (sameness == io::Sameness::kDifferent)
      io::throw_error(ENODEV, "another disk is in the place of " + plan_.target);
    disk_ = now;
  }
  trouble_.clear();
  return sameness;
}

void TargetDisk::lock() {
  lock_.reset();
  if (plan_.scratch.kind != ScratchPlace::Kind::kTail)
    lock_.emplace(plan_.target, io::DeviceLock::Mode::kExclusive);
}

io::CopyError TargetDisk::note(const std::system_error& error) {
  trouble_ = error.what();
  return {false, 0, plan_.size, error.code()};
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A file system that is soon full, for a test: a tmpfs, unmounted at the end. As root.
#pragma once

#include <sys/mount.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace dmjob::test {

class SmallFileSystem {
 public:
  SmallFileSystem(std::string folder, std::uint64_t bytes) : folder_(std::move(folder)) {
    std::filesystem::create_directory(folder_);
    mount_it(0, bytes);
  }
  ~SmallFileSystem() { umount2(folder_.c_str(), MNT_DETACH); }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;

  void resize(std::uint64_t bytes) { mount_it(MS_REMOUNT, bytes); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  void mount_it(unsigned long flags, std::uint64_t bytes) {
    const std::string size = "size=" + std::to_string(bytes);
    if (mount("tmpfs", folder_.c_str(), "tmpfs", flags, size.c_str()) != 0)
      throw std::system_error(errno, std::generic_category(), "mount tmpfs on " + folder_);
  }

  const std::string folder_;
};

}  // namespace dmjob::test

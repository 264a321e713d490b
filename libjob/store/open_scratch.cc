// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/open_scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace dmjob::store {
namespace {

void make_file(const std::string& path, std::uint64_t bytes) {
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "scratch " + path);
  // Allocated, not sparse: a full file system must show now and not at a checkpoint.
  int error = posix_fallocate(fd, 0, static_cast<off_t>(bytes));
  close(fd);
  if (error == 0) return;
  unlink(path.c_str());
  throw std::system_error(error, std::generic_category(), "scratch " + path);
}

bool is_file(ScratchPlace::Kind kind) {
  return kind == ScratchPlace::Kind::kFile || kind == ScratchPlace::Kind::kMemory;
}

}  // namespace

OpenScratch open_scratch(const ScratchPlace& place, std::uint64_t bytes, ScratchUse use,
                         bool create) {
  OpenScratch scratch;
  scratch.offset = place.offset;
  std::string path = place.path;
  if (is_file(place.kind)) {
    if (create) make_file(path, bytes);
    // A tmpfs may refuse O_DIRECT; a loop device over it does not.
    if (use == ScratchUse::kDm || place.kind == ScratchPlace::Kind::kMemory) {
      scratch.loop.emplace(io::LoopDevice::over(path));
      path = scratch.loop->path();
    }
  }
  scratch.device = io::open_device(path, io::Access::kReadWrite);
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode)) scratch.dev = status.st_rdev;
  return scratch;
}

void remove_scratch(const ScratchPlace& place) noexcept {
  if (is_file(place.kind)) unlink(place.path.c_str());
}

}  // namespace dmjob::store

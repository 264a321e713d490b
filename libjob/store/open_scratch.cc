// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/open_scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "libjob/store/reserved_file.h"

namespace dmjob::store {
namespace {

// Where a file system cannot allocate: writes what is missing at the end, and nothing that is
// there. 0, or an errno.
int fill(int fd, std::uint64_t bytes) {
  struct stat status{};
  if (fstat(fd, &status) != 0) return errno;
  const std::vector<char> zeroes(1 << 20);
  auto end = static_cast<std::uint64_t>(status.st_size);
  while (end < bytes) {
    const std::size_t count = std::min<std::uint64_t>(zeroes.size(), bytes - end);
    const ssize_t written = pwrite(fd, zeroes.data(), count, static_cast<off_t>(end));
    if (written < 0) return errno;
    end += static_cast<std::uint64_t>(written);
  }
  return fsync(fd) == 0 ? 0 : errno;
}

void make_file(const std::string& path, std::uint64_t bytes) {
  int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "scratch " + path);
  keep_in_place(fd);
  // Allocated, not sparse: a full file system must show now and not at a checkpoint.
  int error = allocate(fd, 0, bytes);
  if (error == EOPNOTSUPP) error = fill(fd, bytes);
  close(fd);
  if (error == 0) return;
  unlink(path.c_str());
  throw std::system_error(error, std::generic_category(), "scratch " + path);
}

}  // namespace

OpenScratch open_scratch(const ScratchPlace& place, std::uint64_t bytes, ScratchUse use,
                         bool create) {
  OpenScratch scratch;
  scratch.offset = place.offset;
  std::string path = place.path;
  if (place.is_file()) {
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
  if (place.is_file()) unlink(place.path.c_str());
}

}  // namespace dmjob::store

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/fd.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "libjob/io/units.h"

namespace dmjob::io {

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

Fd& Fd::operator=(Fd&& other) noexcept {
  Fd old(std::exchange(fd_, other.release()));
  return *this;
}

int Fd::release() { return std::exchange(fd_, -1); }

std::error_code last_error() { return {errno, std::generic_category()}; }

void throw_error(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

void throw_last_error(const std::string& what) { throw_error(errno, what); }

void write_all(int fd, std::string_view text, const std::string& name) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_last_error(name);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

namespace {

constexpr std::uint32_t kUnknownFileSystem = 4096;

std::uint32_t file_alignment(int fd) {
#ifdef STATX_DIOALIGN
  struct statx facts{};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) == 0 &&
      (facts.stx_mask & STATX_DIOALIGN) != 0) {
    if (facts.stx_dio_offset_align == 0) return 0;
    return std::max(std::uint32_t{kSector}, facts.stx_dio_offset_align);
  }
#endif
  return kUnknownFileSystem;
}

}  // namespace

std::uint32_t direct_io_alignment(int fd) {
  struct stat facts{};
  if (fstat(fd, &facts) != 0) throw_last_error("stat");
  if (!S_ISBLK(facts.st_mode)) return file_alignment(fd);
  int logical = 0;
  if (ioctl(fd, BLKSSZGET, &logical) != 0) throw_last_error("BLKSSZGET");
  return static_cast<std::uint32_t>(logical);
}

}  // namespace dmjob::io

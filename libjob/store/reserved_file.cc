// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/reserved_file.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace dmjob::store {
namespace {

// They take a new block for each write, whatever was allocated. Not in linux/magic.h.
constexpr long kZfs = 0x2fc12fc1;
constexpr long kBcachefs = 0xca451a4e;

// Those from `start` on, the first ones.
std::optional<std::vector<fiemap_extent>> extents_of(int fd, std::uint64_t start,
                                                     std::uint64_t end) {
  constexpr std::size_t kAtOnce = 64;
  alignas(fiemap) std::array<std::byte, sizeof(fiemap) + kAtOnce * sizeof(fiemap_extent)> room{};
  auto* map = reinterpret_cast<fiemap*>(room.data());
  map->fm_start = start;
  map->fm_length = end - start;
  map->fm_extent_count = kAtOnce;
  if (ioctl(fd, FS_IOC_FIEMAP, map) != 0) return std::nullopt;
  const auto* first = reinterpret_cast<const fiemap_extent*>(room.data() + sizeof(fiemap));
  return std::vector<fiemap_extent>(first, first + map->fm_mapped_extents);
}

// Of the extents that follow each other from `end` on: where they end.
std::uint64_t end_of_run(const std::vector<fiemap_extent>& extents, std::uint64_t end) {
  constexpr std::uint32_t kElsewhere =
      FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_SHARED;
  for (const fiemap_extent& extent : extents) {
    if (extent.fe_logical > end || (extent.fe_flags & kElsewhere) != 0) break;
    end = std::max<std::uint64_t>(end, extent.fe_logical + extent.fe_length);
  }
  return end;
}

std::optional<int> flags_of(int fd) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return std::nullopt;
  return flags;
}

}  // namespace

// Asked of every file system: one that shows another's files (overlayfs) passes it on, one that
// always writes in place does not know the flag.
bool keep_in_place(int fd) {
  struct statfs system{};
  if (fstatfs(fd, &system) != 0) return false;
  if (system.f_type == kZfs || system.f_type == kBcachefs) return false;
  if (const auto flags = flags_of(fd)) {
    int wanted = (*flags & ~FS_COMPR_FL) | FS_NOCOW_FL;
    if (wanted != *flags) ioctl(fd, FS_IOC_SETFLAGS, &wanted);
  }
  const int flags = flags_of(fd).value_or(0);
  const bool in_place = system.f_type != BTRFS_SUPER_MAGIC || (flags & FS_NOCOW_FL) != 0;
  return in_place && (flags & FS_COMPR_FL) == 0;
}

int allocate(int fd, std::uint64_t from, std::uint64_t to) {
  if (to <= from) return 0;
  while (fallocate(fd, 0, static_cast<off_t>(from), static_cast<off_t>(to - from)) != 0)
    if (errno != EINTR) return errno;
  return 0;
}

bool means_no_room(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

std::optional<std::uint64_t> bytes_in_place(int fd, std::uint64_t limit) {
  std::uint64_t end = 0;
  while (end < limit) {
    const auto extents = extents_of(fd, end, limit);
    if (!extents) return std::nullopt;
    const std::uint64_t next = end_of_run(*extents, end);
    if (next == end) break;
    end = next;
  }
  return std::min(end, limit);
}

}  // namespace dmjob::store

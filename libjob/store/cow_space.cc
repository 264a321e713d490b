// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/cow_space.h"

#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/io/fd.h"

namespace dmjob::store {
namespace {

[[noreturn]] void fail(int error, const std::string& path) {
  io::throw_error(error, "scratch " + path);
}

bool is_file(const CowPlace& place) {
  return place.place.kind == ScratchPlace::Kind::kFile ||
         place.place.kind == ScratchPlace::Kind::kMemory;
}

io::Fd open_file(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
  if (fd < 0) fail(errno, path);
  return io::Fd(fd);
}

// Those from `start` on, the first ones; nullopt if the file system has no map of its files.
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
  for (const fiemap_extent& extent : extents) {
    const bool has_place = (extent.fe_flags & FIEMAP_EXTENT_UNKNOWN) == 0;
    if (extent.fe_logical > end || !has_place) break;
    end = std::max<std::uint64_t>(end, extent.fe_logical + extent.fe_length);
  }
  return end;
}

// Bytes up to the first hole, `limit` at most; nullopt as above.
std::optional<std::uint64_t> bytes_without_hole(int fd, std::uint64_t limit) {
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

bool means_no_room(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

}  // namespace

// A chunk and its exception each, an area of metadata for those, and the header's chunk; an area is
// begun whole.
std::uint64_t CowSpace::most_bytes(std::uint64_t volume_bytes, std::uint64_t chunk_bytes) {
  constexpr std::uint64_t kException = 16;  // bytes, struct disk_exception of dm-snap-persistent.c
  const std::uint64_t chunks = (volume_bytes + chunk_bytes - 1) / chunk_bytes;
  const std::uint64_t areas = chunks / (chunk_bytes / kException) + 1;
  return (1 + areas + chunks) * chunk_bytes;
}

CowSpace CowSpace::open(const CowPlace& place, bool create) {
  CowSpace space(place);
  if (create && is_file(place)) space.make_file();
  if (is_file(place)) space.loop_.emplace(io::LoopDevice::over(place.place.path));
  const std::string& path = space.loop_ ? space.loop_->path() : place.place.path;
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) fail(errno, path);
  if (!S_ISBLK(status.st_mode)) fail(ENOTBLK, path);
  space.dev_ = status.st_rdev;
  if (!is_file(place)) space.reserved_ = place.bytes;
  if (create) space.wipe_header();
  return space;
}

void CowSpace::remove(const CowPlace& place) noexcept {
  if (is_file(place)) unlink(place.place.path.c_str());
}

void CowSpace::make_file() const {
  const std::string& path = place_.place.path;
  const io::Fd file = open_file(path, O_CREAT);
  if (ftruncate(file.get(), static_cast<off_t>(place_.bytes)) != 0) fail(errno, path);
}

std::uint64_t CowSpace::allocated() const {
  if (!is_file(place_)) return place_.bytes;
  const io::Fd file = open_file(place_.place.path, 0);
  if (const auto bytes = bytes_without_hole(file.get(), place_.bytes)) return *bytes;
  // As tmpfs, which counts no blocks for such a map.
  struct stat status{};
  if (fstat(file.get(), &status) != 0) fail(errno, place_.place.path);
  constexpr std::uint64_t kBlock = 512;
  return std::min(place_.bytes, static_cast<std::uint64_t>(status.st_blocks) * kBlock);
}

bool CowSpace::reserve(std::uint64_t bytes) {
  bytes = std::min(bytes, place_.bytes);
  if (bytes <= reserved_) return true;
  const io::Fd file = open_file(place_.place.path, 0);
  const auto from = static_cast<off_t>(reserved_);
  const int error = posix_fallocate(file.get(), from, static_cast<off_t>(bytes - reserved_));
  if (means_no_room(error)) return false;
  if (error != 0) fail(error, place_.place.path);
  reserved_ = bytes;
  return true;
}

// struct disk_header of dm-snap-persistent.c: magic, valid, both of 32 bits, little-endian.
bool CowSpace::marked_invalid() const {
  constexpr std::string_view kMagicAndInvalid("SnAp\0\0\0\0", 8);
  const auto device = io::open_device(io::device_path(dev_), io::Access::kRead);
  io::AlignedBuffer header(device->alignment());
  if (device->read(offset(), header.bytes())) return false;
  return std::memcmp(header.bytes().data(), kMagicAndInvalid.data(), kMagicAndInvalid.size()) == 0;
}

// dm-snapshot takes a first sector without its magic for a new store.
void CowSpace::wipe_header() const {
  const auto device = io::open_device(io::device_path(dev_), io::Access::kReadWrite);
  const io::AlignedBuffer zeroes(device->alignment());
  std::error_code error = device->write(offset(), zeroes.bytes());
  if (!error) error = device->flush();
  if (error) throw std::system_error(error, "scratch " + place_.place.path);
}

}  // namespace dmjob::store

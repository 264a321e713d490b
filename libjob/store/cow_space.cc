// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/cow_space.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <system_error>

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
  struct stat status{};
  if (stat(place_.place.path.c_str(), &status) != 0) fail(errno, place_.place.path);
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

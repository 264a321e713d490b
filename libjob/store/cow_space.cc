// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/cow_space.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "libjob/io/fd.h"
#include "libjob/store/reserved_file.h"

namespace dmjob::store {
namespace {

[[noreturn]] void fail(int error, const std::string& path) {
  io::throw_error(error, "scratch " + path);
}

io::Fd open_file(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
  if (fd < 0) fail(errno, path);
  return io::Fd(fd);
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  io::throw_error(EOPNOTSUPP, "scratch " + path + ": its file system " + why +
                                  "; name a disk, or a folder on ext4 or XFS, with --scratch");
}

}  // namespace

// A chunk and its exception each, an area of metadata for those, and the header's chunk; an area is
// begun whole.
std::uint64_t CowSpace::most_bytes(std::uint64_t volume_bytes, std::uint64_t chunk_bytes) {
  constexpr std::uint64_t kException = 16;  // bytes, struct disk_exception of dm-snap-persistent.c
  const std::uint64_t chunks = (volume_bytes + chunk_bytes - 1) / chunk_bytes;
  const std::uint64_t areas = chunks / (chunk_bytes / kException) + 1;
  return (1 + areas + chunks) * chunk_bytes;
}

CowSpace CowSpace::open(const CowPlace& place, bool create, dev_t loop) {
  CowSpace space(place);
  if (create && place.place.is_file()) space.make_file();
  space.has_name_ = loop == 0 || !place.place.is_file() || io::is_file_at(loop, place.place.path);
  if (place.place.is_file())
    space.loop_.emplace(space.has_name_ ? io::LoopDevice::over(place.place.path)
                                        : io::LoopDevice::at(loop));
  const std::string& path = space.loop_ ? space.loop_->path() : place.place.path;
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) fail(errno, path);
  if (!S_ISBLK(status.st_mode)) fail(ENOTBLK, path);
  space.dev_ = status.st_rdev;
  if (!place.place.is_file()) space.reserved_ = place.bytes;
  if (create) space.header().wipe();
  return space;
}

void CowSpace::remove(const CowPlace& place) noexcept {
  if (place.place.is_file()) unlink(place.place.path.c_str());
}

// What cannot be reserved is refused before anything is in it.
void CowSpace::make_file() const {
  const std::string& path = place_.place.path;
  const io::Fd file = open_file(path, O_CREAT);
  if (!keep_in_place(file.get())) refuse(path, "takes a new block for each write");
  if (ftruncate(file.get(), static_cast<off_t>(place_.bytes)) != 0) fail(errno, path);
  constexpr std::uint64_t kProbe = 4096;
  if (allocate(file.get(), 0, std::min(kProbe, place_.bytes)) == EOPNOTSUPP)
    refuse(path, "cannot reserve room for a file (fallocate)");
}

std::uint64_t CowSpace::allocated() const {
  if (!place_.place.is_file()) return place_.bytes;
  const io::Fd file = open_file(place_.place.path, 0);
  if (const auto bytes = bytes_in_place(file.get(), place_.bytes)) return *bytes;
  // As tmpfs, which counts no blocks for such a map.
  struct stat status{};
  if (fstat(file.get(), &status) != 0) fail(errno, place_.place.path);
  constexpr std::uint64_t kBlock = 512;
  return std::min(place_.bytes, static_cast<std::uint64_t>(status.st_blocks) * kBlock);
}

// A map is believed. A count of blocks may be of others than the first ones: those are asked for.
bool CowSpace::take_up() {
  if (!place_.place.is_file() || !has_name_) return true;
  const std::uint64_t there = allocated();
  const io::Fd file = open_file(place_.place.path, 0);
  if (!bytes_in_place(file.get(), place_.bytes)) return reserve(there);
  reserved_ = std::max(reserved_, there);
  return true;
}

// A file that was copied as a reflink since has blocks, but not of its own.
bool CowSpace::reserve(std::uint64_t bytes) {
  bytes = std::min(bytes, place_.bytes);
  if (bytes <= reserved_) return true;
  if (!has_name_) return false;
  const io::Fd file = open_file(place_.place.path, 0);
  const int error = allocate(file.get(), reserved_, bytes);
  if (means_no_room(error) || error == EOPNOTSUPP) return false;
  if (error != 0) fail(error, place_.place.path);
  if (bytes_in_place(file.get(), bytes).value_or(bytes) < bytes) return false;
  reserved_ = bytes;
  return true;
}

bool CowSpace::marked_invalid() const {
  try {
    return header().read() == CowHeader::State::kInvalid;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace dmjob::store

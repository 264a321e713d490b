// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/revocations.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "libjob/io/block_device.h"
#include "libjob/io/disks_below.h"
#include "libjob/store/text_checksum.h"

namespace dmjob::store {
namespace {

constexpr const char* kFile = "revoked";
constexpr const char* kNew = "revoked.new";
constexpr const char* kVersionKey = "dmjob-revoked";
constexpr int kVersion = 1;
constexpr std::size_t kCopies = 2;

// Past the page cache where the file system can: one that has become read-only by an error lets
// this through to the blocks that the file has.
io::Fd open_for_writing(const std::string& path) {
  for (const int direct : {O_DIRECT, 0}) {
    io::Fd fd(::open(path.c_str(), O_RDWR | O_DSYNC | O_CLOEXEC | direct));
    if (fd || errno != EINVAL) return fd;
  }
  return io::Fd();
}

// Where an overwrite would go to new blocks (btrfs); best effort, others do not know the flag.
void keep_blocks_in_place(int fd) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_NOCOW_FL;
  ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

void write_text(io::AlignedBuffer& buffer, const std::vector<std::string>& ids) {
  const nlohmann::json list = ids;
  const nlohmann::json whole = {
      {kVersionKey, kVersion}, {"crc32c", text_checksum(list.dump())}, {"ids", list}};
  const std::string text = whole.dump() + "\n";
  if (text.size() > buffer.size()) io::throw_error(EFBIG, kFile);
  std::ranges::fill(buffer.bytes(), std::byte{' '});
  std::ranges::copy(std::as_bytes(std::span(text)), buffer.bytes().begin());
}

void write_at(int fd, off_t at, std::span<const std::byte> data) {
  const ssize_t written = pwrite(fd, data.data(), data.size(), at);
  if (written < 0) io::throw_last_error(kFile);
  if (static_cast<std::size_t>(written) != data.size()) io::throw_error(EIO, kFile);
}

// Throws whatever is wrong with it.
std::vector<std::string> read_copy(int fd, off_t at) {
  io::AlignedBuffer buffer(Revocations::kCopyBytes);
  const ssize_t length = pread(fd, buffer.data(), buffer.size(), at);
  if (length < 0) io::throw_last_error(kFile);
  const std::string_view text(reinterpret_cast<const char*>(buffer.data()),
                              static_cast<std::size_t>(length));
  const nlohmann::json whole = nlohmann::json::parse(text);
  if (whole.at(kVersionKey).get<int>() > kVersion) io::throw_error(EPROTONOSUPPORT, kFile);
  if (whole.at("crc32c").get<std::string>() != text_checksum(whole.at("ids").dump()))
    io::throw_error(EBADMSG, kFile);
  return whole.at("ids").get<std::vector<std::string>>();
}

}  // namespace

Revocations::Loaded Revocations::load() {
  Loaded loaded;
  const io::Fd fd(::open(path(kFile).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno != ENOENT) loaded.damage = path(kFile) + ": " + io::last_error().message();
  std::size_t good = 0;
  std::set<std::string> known;
  for (std::size_t copy = 0; fd && copy < kCopies; ++copy) {
    try {
      for (std::string& id : read_copy(fd.get(), static_cast<off_t>(copy * kCopyBytes)))
        if (known.insert(id).second) loaded.ids.push_back(std::move(id));
      ++good;
    } catch (const std::exception& error) {
      loaded.damage = path(kFile) + " cannot be read: " + error.what();
    }
  }
  if (good > 0) loaded.damage.clear();
  ids_ = loaded.ids;
  loaded_ = true;
  return loaded;
}

bool Revocations::is_open_at_its_path() const {
  struct stat open{}, there{};
  return fd_ && fstat(fd_.get(), &open) == 0 && stat(path(kFile).c_str(), &there) == 0 &&
         open.st_dev == there.st_dev && open.st_ino == there.st_ino &&
         open.st_size == static_cast<off_t>(kCopies * kCopyBytes);
}

void Revocations::reserve() {
  if (!loaded_) load();
  if (buffer_.size() == 0) buffer_ = io::AlignedBuffer(kCopyBytes);
  if (!is_open_at_its_path()) open();
  write_both();
}

void Revocations::open() {
  write_text(buffer_, ids_);
  fd_ = open_for_writing(path(kFile));
  if (is_open_at_its_path()) return;
  if (!fd_ && errno != ENOENT) io::throw_last_error(path(kFile));
  make();
  fd_ = open_for_writing(path(kFile));
  if (!fd_) io::throw_last_error(path(kFile));
}

// Whole under its name or not there. Not by direct I/O: where that is refused, the file has been
// made all the same.
void Revocations::make() const {
  unlink(path(kNew).c_str());
  const io::Fd fd(::open(path(kNew).c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) io::throw_last_error(path(kNew));
  keep_blocks_in_place(fd.get());
  for (std::size_t copy = 0; copy < kCopies; ++copy)
    write_at(fd.get(), static_cast<off_t>(copy * kCopyBytes), buffer_.bytes());
  if (fsync(fd.get()) != 0) io::throw_last_error(path(kNew));
  if (rename(path(kNew).c_str(), path(kFile).c_str()) != 0) io::throw_last_error(path(kFile));
  const io::Fd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || fsync(folder.get()) != 0) io::throw_last_error(folder_);
}

void Revocations::add(std::span<const std::string> ids) {
  for (const std::string& id : ids)
    if (std::ranges::find(ids_, id) == ids_.end()) ids_.push_back(id);
  if (ids_.size() > kMost)
    ids_.erase(ids_.begin(), ids_.end() - static_cast<std::ptrdiff_t>(kMost));
  if (!fd_) io::throw_error(EBADF, path(kFile));
  write_both();
}

// One after the other, so that one of them is whole at each instant.
void Revocations::write_both() {
  write_text(buffer_, ids_);
  std::exception_ptr failed;
  std::size_t good = 0;
  for (std::size_t copy = 0; copy < kCopies; ++copy) {
    try {
      write_at(fd_.get(), static_cast<off_t>(copy * kCopyBytes), buffer_.bytes());
      ++good;
    } catch (const std::system_error&) {
      failed = std::current_exception();
    }
  }
  if (good == 0) std::rethrow_exception(failed);
  flush_disk_below();
}

// A file system that has become read-only does not flush its disk any more.
void Revocations::flush_disk_below() const {
  struct statvfs about{};
  if (fstatvfs(fd_.get(), &about) != 0 || (about.f_flag & ST_RDONLY) == 0) return;
  const std::vector<dev_t> disks = io::disks_below(folder_).direct;
  if (disks.empty()) io::throw_error(EROFS, folder_);
  for (const dev_t disk : disks)
    if (const std::error_code error = io::open_device(disk, io::Access::kRead)->flush())
      throw std::system_error(error, folder_);
}

}  // namespace dmjob::store

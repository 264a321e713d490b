// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/device_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "libjob/io/fd.h"

namespace dmjob::io {
namespace {

// udev holds its shared lock for as long as a probe takes.
constexpr auto kUdevProbe = std::chrono::seconds(1);
constexpr auto kRetry = std::chrono::milliseconds(20);

struct stat facts_of(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) throw_last_error(path);
  if (!S_ISBLK(facts.st_mode) && !S_ISREG(facts.st_mode)) {
    throw_error(EINVAL, path + ": neither a disk nor a regular file");
  }
  return facts;
}

// Opened for reading only, since closing a disk that was open for writing makes udev probe it.
Fd claim_disk(const std::string& path, DeviceLock::Mode mode) {
  const int exclusive = mode == DeviceLock::Mode::kExclusive ? O_EXCL : 0;
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | exclusive));
  if (!fd) throw_last_error(path);
  const auto give_up = std::chrono::steady_clock::now() + kUdevProbe;
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw_last_error(path);
    if (std::chrono::steady_clock::now() >= give_up) {
      throw_error(EBUSY, path + ": locked by another job or program");
    }
    std::this_thread::sleep_for(kRetry);
  }
  return fd;
}

// A write lock needs a file that may be written; one that may not gets a read lock.
Fd claim_file(const std::string& path) {
  short kind = F_WRLCK;
  Fd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd && (errno == EACCES || errno == EROFS || errno == EPERM || errno == ETXTBSY)) {
    kind = F_RDLCK;
    fd = Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  if (!fd) throw_last_error(path);
  struct flock whole{};
  whole.l_type = kind;
  whole.l_whence = SEEK_SET;
  if (fcntl(fd.get(), F_OFD_SETLK, &whole) == 0) return fd;
  if (errno != EAGAIN && errno != EACCES) throw_last_error(path);
  throw_error(EBUSY, path + ": locked by another job or program");
}

}  // namespace

DeviceLock::DeviceLock(const std::string& path, Mode mode) {
  const bool is_disk = S_ISBLK(facts_of(path).st_mode);
  fd_ = (is_disk ? claim_disk(path, mode) : claim_file(path)).release();
}

DeviceLock::~DeviceLock() {
  if (fd_ >= 0) close(fd_);
}

DeviceLock::DeviceLock(DeviceLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DeviceLock& DeviceLock::operator=(DeviceLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

}  // namespace dmjob::io

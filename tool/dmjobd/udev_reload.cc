// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/udev_reload.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "libjob/io/fd.h"

namespace dmjob::daemon {
namespace {

// Whether a folder is opened, as everybody does who reads what is in it. Where the kernel has no
// watch to give, it is never seen.
class OpenWatch {
 public:
  explicit OpenWatch(const std::string& folder) : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    if (fd_) inotify_add_watch(fd_.get(), folder.c_str(), IN_OPEN | IN_ONLYDIR);
  }

  bool is_seen() {
    bool seen = false;
    while (const std::size_t size = read_events())
      for (std::size_t at = 0; at < size;) at += take(at, seen);
    return seen;
  }

 private:
  std::size_t read_events() {
    const ssize_t size = fd_ ? read(fd_.get(), buffer_.data(), buffer_.size()) : 0;
    return size > 0 ? static_cast<std::size_t>(size) : 0;
  }
  // The length of the event. One of the folder itself has no name.
  std::size_t take(std::size_t at, bool& seen) const {
    inotify_event event{};
    std::memcpy(&event, buffer_.data() + at, sizeof event);
    if ((event.mask & IN_ISDIR) != 0 && event.len == 0) seen = true;
    return sizeof event + event.len;
  }

  io::Fd fd_;
  std::array<char, 4096> buffer_{};
};

// By udev's own program, which returns when udevd has seen to it: udevd's socket speaks another
// language in each release.
void ask() {
  std::array<char*, 5> words{const_cast<char*>("udevadm"), const_cast<char*>("control"),
                             const_cast<char*>("--reload"), const_cast<char*>("--timeout=10"),
                             nullptr};
  pid_t child = 0;
  if (const int error = posix_spawnp(&child, words[0], nullptr, nullptr, words.data(), environ))
    io::throw_error(error, "udevadm");
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) io::throw_error(EIO, "udevadm control --reload");
}

}  // namespace

// Rules that it has read by itself, just before it was asked, it reads again only if the time of a
// folder has advanced.
void reload_rules(const std::string& folder) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    OpenWatch watch(folder);
    ask();
    if (watch.is_seen()) return;
    utimensat(AT_FDCWD, folder.c_str(), nullptr, 0);
  }
}

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "libjob/core/error.h"

namespace dmjob::daemon {
namespace {

using core::Error;

[[noreturn]] void fail(const std::string& path, const std::string& what, int error) {
  throw Error("socket '" + path + "': " + what + ": " + std::generic_category().message(error));
}

int new_socket(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) fail(path, "cannot be made", errno);
  return fd;
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    throw Error("socket '" + path + "': a path takes 1 to " +
                std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  path.copy(address.sun_path, path.size());
  return address;
}

void make_folder(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (folder.empty() || !std::filesystem::create_directories(folder, error)) {
    if (error) fail(path, "its folder cannot be made", error.value());
    return;
  }
  // Whatever the umask was.
  if (::chmod(folder.c_str(), 0755) != 0) fail(path, "its folder cannot be opened to all", errno);
}

// Full backlogs count as an answer: a daemon listens.
bool somebody_answers(const std::string& path, const sockaddr_un& address) {
  const int fd = new_socket(path);
  const int rc = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = rc == 0 ? 0 : errno;
  ::close(fd);
  return error == 0 || error == EAGAIN || error == EINPROGRESS;
}

void refuse_if_answered(const std::string& path, const sockaddr_un& address) {
  if (somebody_answers(path, address))
    throw Error("socket '" + path + "': another dmjobd is running");
}

void remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat file{};
  if (::lstat(path.c_str(), &file) != 0) return;  // what else may be wrong, bind will tell
  if (!S_ISSOCK(file.st_mode))
    throw Error("socket '" + path + "': there is a file that is no socket");
  refuse_if_answered(path, address);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail(path, "cannot be replaced", errno);
}

// Only root gets in before the group is set: the mode of the socket becomes that of its file.
void bind_file(int fd, const std::string& path, const sockaddr_un& address) {
  if (::fchmod(fd, 0600) != 0) fail(path, "chmod", errno);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EADDRINUSE) throw Error("socket '" + path + "': another dmjobd is running");
    fail(path, "cannot be bound", errno);
  }
}

void admit_group(const std::string& path, std::optional<gid_t> group) {
  if (!group) return;
  if (::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) fail(path, "chown", errno);
  if (::chmod(path.c_str(), 0660) != 0) fail(path, "chmod", errno);
}

}  // namespace

Listener Listener::bind(const std::string& path, std::optional<gid_t> group) {
  const sockaddr_un address = address_of(path);
  make_folder(path);
  remove_stale(path, address);
  Listener listener(new_socket(path));
  bind_file(listener.socket_, path, address);
  listener.remember_file(path);
  admit_group(path, group);
  if (::listen(listener.socket_, SOMAXCONN) != 0) fail(path, "cannot listen", errno);
  return listener;
}

void Listener::refuse_second(const std::string& path) {
  if (::sd_listen_fds(/*unset_environment=*/0) == 0) refuse_if_answered(path, address_of(path));
}

std::optional<Listener> Listener::from_systemd() {
  const int passed = ::sd_listen_fds(/*unset_environment=*/1);
  if (passed == 0) return std::nullopt;
  if (passed != 1) {
    throw Error("systemd passed " + std::to_string(passed) + " sockets, expected one");
  }
  const int fd = SD_LISTEN_FDS_START;
  if (::sd_is_socket_unix(fd, SOCK_STREAM, /*listening=*/1, nullptr, 0) <= 0) {
    throw Error("systemd passed something else than one listening unix stream socket");
  }
  return Listener(fd);
}

Listener::Listener(Listener&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      path_(std::exchange(other.path_, {})),
      file_device_(other.file_device_),
      file_number_(other.file_number_) {}

Listener::~Listener() {
  if (socket_ < 0) return;
  remove_file();
  ::close(socket_);
}

void Listener::remember_file(const std::string& path) {
  struct stat file{};
  if (::lstat(path.c_str(), &file) != 0) fail(path, "is gone", errno);
  path_ = path;
  file_device_ = file.st_dev;
  file_number_ = file.st_ino;
}

void Listener::remove_file() const {
  struct stat file{};
  if (path_.empty() || ::lstat(path_.c_str(), &file) != 0) return;
  if (file.st_dev == file_device_ && file.st_ino == file_number_) ::unlink(path_.c_str());
}

}  // namespace dmjob::daemon

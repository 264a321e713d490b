// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The listening socket: made here, or passed by systemd. Its file is mode 0660 root:GROUP, 0600 if
// there is no group.
// Thread: any; used at the start, before there are clients.
// Errors: core::Error, one line for the user.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace dmjob::daemon {

class Listener {
 public:
  // Makes the socket, and its folder (0755) if that is missing. The socket file of a daemon that is
  // gone is replaced; one that answers is an error. Two daemons that start at the same instant are
  // kept apart by the lock of the state folder, not by this.
  static Listener bind(const std::string& path, std::optional<gid_t> group);
  // Throws if a daemon answers there, and it is not systemd that keeps the socket for us. To be
  // asked first of all: what a running daemon holds is waited for otherwise.
  static void refuse_second(const std::string& path);
  // nullopt: systemd passed none. Owner and mode are then those of the .socket unit.
  static std::optional<Listener> from_systemd();

  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;
  // Closes the socket and removes a file that bind() made, unless it is another's by now.
  ~Listener();

  // Owned by the Listener.
  int socket() const { return socket_; }

 private:
  explicit Listener(int socket) : socket_(socket) {}
  void remember_file(const std::string& path);
  void remove_file() const;

  int socket_;
  std::string path_;  // empty: not ours to remove
  dev_t file_device_ = 0;
  ino_t file_number_ = 0;
};

}  // namespace dmjob::daemon

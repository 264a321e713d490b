// SPDX-License-Identifier: LGPL-2.1-or-later
//
// File descriptors and errno. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace dmjob::io {

// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd();
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release();

 private:
  int fd_;
};

std::error_code last_error();  // errno
[[noreturn]] void throw_error(int error, const std::string& what);
[[noreturn]] void throw_last_error(const std::string& what);

// The whole text, at the file's position. Throws with `name`.
void write_all(int fd, std::string_view text, const std::string& name);

// Multiple of offsets and lengths for direct I/O on an open block device or regular file, bytes; 0
// if its file system has none.
std::uint32_t direct_io_alignment(int fd);

}  // namespace dmjob::io

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/copy_control.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "libjob/io/fd.h"

namespace dmjob::io {

CopyControl::CopyControl() : wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_fd_ < 0) throw_last_error("eventfd");
}

CopyControl::~CopyControl() { close(wake_fd_); }

void CopyControl::set_speed(std::uint64_t bytes_per_second) {
  limit_.set_speed(bytes_per_second);
  wake();
}

void CopyControl::stop() {
  stopped_ = true;
  wake();
}

void CopyControl::go_on() { stopped_ = false; }

bool CopyControl::stopped() const { return stopped_; }

void CopyControl::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

void CopyControl::wait(std::initializer_list<int> fds, std::optional<core::Duration> longest) {
  std::array<pollfd, 3> events{pollfd{wake_fd_, POLLIN, 0}};
  assert(fds.size() < events.size());
  std::ranges::transform(fds, events.begin() + 1, [](int fd) { return pollfd{fd, POLLIN, 0}; });
  timespec time{};
  if (longest) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*longest);
    time.tv_sec = seconds.count();
    time.tv_nsec = static_cast<long>((*longest - seconds).count());
  }
  ppoll(events.data(), fds.size() + 1, longest ? &time : nullptr, nullptr);
  if (events[0].revents == 0) return;
  std::uint64_t wakes = 0;
  [[maybe_unused]] const ssize_t drained = read(wake_fd_, &wakes, sizeof wakes);
}

}  // namespace dmjob::io

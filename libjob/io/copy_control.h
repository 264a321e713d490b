// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The handle by which other threads steer a copy or a comparison that runs.
// Thread: any; limit() and wait() the run's.
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "libjob/core/clock.h"
#include "libjob/core/rate_limit.h"

namespace dmjob::io {

// How a run over a bitmap ended.
enum class CopyEnd {
  kClean,    // no bit is set any more (but those of ignored errors)
  kStopped,  // CopyControl::stop()
  kTime,     // the time given was up
  kError,    // an error that was not ignored; its region's bit is still set
};

class CopyControl {
 public:
  CopyControl();
  ~CopyControl();
  CopyControl(const CopyControl&) = delete;
  CopyControl& operator=(const CopyControl&) = delete;

  // Bytes per second, 0 = unlimited; who sleeps for the old limit is woken.
  void set_speed(std::uint64_t bytes_per_second);
  // run() returns as soon as what is in flight has returned; stays in force until go_on().
  void stop();
  void go_on();
  bool stopped() const;

  core::RateLimit& limit() { return limit_; }
  // Until one of the descriptors is readable, somebody steers, or `longest` is over.
  void wait(std::initializer_list<int> fds, std::optional<core::Duration> longest);

 private:
  void wake();

  core::RateLimit limit_;
  std::atomic<bool> stopped_{false};
  int wake_fd_ = -1;
};

}  // namespace dmjob::io

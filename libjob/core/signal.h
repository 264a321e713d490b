// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// A condition that coroutines of the reactor wait for. A wake-up is not remembered: look at the
/// condition, wait, look again. Thread: the reactor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "libjob/core/clock.h"
#include "libjob/core/export.h"

namespace dmjob::core {

/// Wakes coroutines. Thread: the reactor.
class DMJOB_EXPORT Signal {
 public:
  /// For coroutines of that executor.
  explicit Signal(boost::asio::any_io_executor executor);
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  /// Wakes all that wait now.
  void notify();
  /// Returns at the next notify().
  boost::asio::awaitable<void> wait();
  /// Returns at the next notify(), or after `limit` of real time.
  boost::asio::awaitable<void> wait_for(Duration limit);

 private:
  struct Waiters;
  struct Waiter;

  boost::asio::any_io_executor executor_;
  // Shared with who waits: a coroutine that is destroyed at the very end may outlive the signal.
  std::shared_ptr<Waiters> waiters_;
};

}  // namespace dmjob::core

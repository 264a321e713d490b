// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A loop beside a job's coroutine: it polls what it watches at once, after each dm event, and every
// so often, until it is stopped.
// Thread: the reactor.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>

#include "libjob/core/clock.h"
#include "libjob/core/signal.h"
#include "libjob/drivers/plan/environment.h"

namespace dmjob::drivers {

class WatchLoop {
 public:
  // Returns the longest wait until the next poll; nullopt: there is none. Throws nothing. What it
  // refers to lives until stop() has returned.
  using Poll = std::function<boost::asio::awaitable<std::optional<core::Duration>>()>;

  // environment: outlives this.
  explicit WatchLoop(Environment& environment);

  // Once.
  void start(Poll poll);
  // Does something beside the loop, of which a poll is not to wait. Throws nothing.
  void spawn(boost::asio::awaitable<void> work);
  // Returns when the poll that is under way, and what was spawned, has ended. No effect if nothing
  // was started.
  boost::asio::awaitable<void> stop();
  bool is_stopping() const { return !wanted_; }

 private:
  boost::asio::awaitable<void> run(Poll poll);
  boost::asio::awaitable<void> count(boost::asio::awaitable<void> work);

  Environment& environment_;
  bool wanted_ = false;
  int under_way_ = 0;
  core::Signal ended_;
};

}  // namespace dmjob::drivers

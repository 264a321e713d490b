// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/base/watch_loop.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

namespace dmjob::drivers {

WatchLoop::WatchLoop(Environment& environment)
    : environment_(environment), ended_(environment.executor) {}

void WatchLoop::start(Poll poll) {
  wanted_ = true;
  spawn(run(std::move(poll)));
}

void WatchLoop::spawn(boost::asio::awaitable<void> work) {
  ++under_way_;
  boost::asio::co_spawn(environment_.executor, count(std::move(work)), boost::asio::detached);
}

// Whatever ends it, stop() must not wait for it any more.
boost::asio::awaitable<void> WatchLoop::count(boost::asio::awaitable<void> work) {
  try {
    co_await std::move(work);
  } catch (const std::exception&) {
  }
  --under_way_;
  ended_.notify();
}

boost::asio::awaitable<void> WatchLoop::stop() {
  wanted_ = false;
  environment_.dm_events.notify();
  while (under_way_ > 0) co_await ended_.wait();
}

boost::asio::awaitable<void> WatchLoop::run(Poll poll) {
  while (wanted_) {
    const std::optional<core::Duration> at_most = co_await poll();
    if (!at_most) co_return;
    if (wanted_) co_await environment_.dm_events.wait_for(*at_most);
  }
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/signal.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <list>

namespace dmjob::core {

struct Signal::Waiters {
  std::list<boost::asio::steady_timer> timers;
};

// Owns one timer in the list; lives in the frame of the coroutine that waits.
struct Signal::Waiter {
  Waiter(std::shared_ptr<Waiters> waiters, const boost::asio::any_io_executor& executor,
         boost::asio::steady_timer::time_point end)
      : all(std::move(waiters)), timer(all->timers.emplace(all->timers.end(), executor, end)) {}
  ~Waiter() { all->timers.erase(timer); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  std::shared_ptr<Waiters> all;
  std::list<boost::asio::steady_timer>::iterator timer;
};

namespace {

// From now, without overflow for "for ever".
boost::asio::steady_timer::time_point end_of(Duration limit) {
  const auto now = std::chrono::steady_clock::now();
  const auto never = boost::asio::steady_timer::time_point::max();
  return limit < never - now ? now + limit : never;
}

}  // namespace

Signal::Signal(boost::asio::any_io_executor executor)
    : executor_(std::move(executor)), waiters_(std::make_shared<Waiters>()) {}

void Signal::notify() {
  for (boost::asio::steady_timer& timer : waiters_->timers) timer.cancel();
}

boost::asio::awaitable<void> Signal::wait() { return wait_for(Duration::max()); }

boost::asio::awaitable<void> Signal::wait_for(Duration limit) {
  const Waiter waiter(waiters_, executor_, end_of(limit));
  boost::system::error_code ignored;  // woken, or the time is up: the caller looks anyway
  co_await waiter.timer->async_wait(
      boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

}  // namespace dmjob::core

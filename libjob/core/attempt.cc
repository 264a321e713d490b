// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/attempt.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <exception>
#include <memory>
#include <utility>

#include "libjob/core/signal.h"

namespace dmjob::core {
namespace {

struct Attempt {
  Attempt(const boost::asio::any_io_executor& executor,
          std::function<boost::asio::awaitable<void>()> its_work)
      : work(std::move(its_work)), ended(executor) {}

  std::function<boost::asio::awaitable<void>()> work;
  Signal ended;
  bool done = false;
  std::string outcome = "no answer within the time allowed";
};

boost::asio::awaitable<void> carry_out(std::shared_ptr<Attempt> attempt) {
  std::string outcome;
  try {
    co_await attempt->work();
  } catch (const std::exception& error) {
    outcome = error.what();
  }
  attempt->done = true;
  attempt->outcome = outcome;
  attempt->ended.notify();
}

}  // namespace

boost::asio::awaitable<std::string> attempt_within(
    boost::asio::any_io_executor executor, Duration limit,
    std::function<boost::asio::awaitable<void>()> work) {
  const auto attempt = std::make_shared<Attempt>(executor, std::move(work));
  boost::asio::co_spawn(executor, carry_out(attempt), boost::asio::detached);
  if (!attempt->done) co_await attempt->ended.wait_for(limit);
  co_return attempt->outcome;
}

}  // namespace dmjob::core

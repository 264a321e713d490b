// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The reactor in a test: the test's own thread, run when the test says so.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <utility>

namespace dmjob::test {

class Reactor {
 public:
  boost::asio::any_io_executor executor() { return context_.get_executor(); }

  // Runs what can run now; waits for nothing.
  void settle() {
    context_.restart();
    context_.poll();
  }

  // Runs one thing that can run now, if there is one.
  void step() {
    context_.restart();
    context_.poll_one();
  }

  // Runs until the condition holds; throws if it does not within the limit.
  void run_until(const std::function<bool()>& condition,
                 std::chrono::seconds limit = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    settle();
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) throw std::runtime_error("nothing happened");
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds(10));
    }
  }

  // Runs the coroutine to its end; throws what it throws.
  void run(boost::asio::awaitable<void> coroutine) {
    bool done = false;
    std::exception_ptr error;
    boost::asio::co_spawn(context_, std::move(coroutine), [&](std::exception_ptr thrown) {
      done = true;
      error = std::move(thrown);
    });
    run_until([&] { return done; });
    if (error) std::rethrow_exception(error);
  }

  // Begins a coroutine and runs it as far as it goes now.
  void begin(boost::asio::awaitable<void> coroutine) {
    boost::asio::co_spawn(context_, std::move(coroutine), boost::asio::detached);
    settle();
  }

 private:
  boost::asio::io_context context_;
};

}  // namespace dmjob::test

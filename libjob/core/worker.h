// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// A thread for what may block. A job has one, so a hung disk stops only its own job; calls to one
/// worker run in order.
///
///     co_await worker.run([&] { device.flush(); });   // here: worker; after: reactor
///
/// Thread: run() is called on the reactor and returns there, with the function's result or
/// exception. The coroutine (so everything that the function refers to) lives until the function
/// has returned. The reactor outlives its calls: it is run until every job is idle, and only then
/// destroyed.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <type_traits>
#include <utility>

#include "libjob/core/export.h"

namespace dmjob::core {

/// One thread.
class DMJOB_EXPORT Worker {
 public:
  /// Starts the thread.
  Worker() : pool_(1) {}
  /// Waits for the call that is running.
  ~Worker() { pool_.join(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// The function is kept in run()'s frame and the result is made there; what goes to the other
  /// thread is a reference, so that nothing is copied, and a result needs no default constructor.
  template <typename Function>
  auto run(Function function) -> boost::asio::awaitable<std::invoke_result_t<Function&>> {
    using Result = std::invoke_result_t<Function&>;
    if constexpr (std::is_void_v<Result>) {
      co_await boost::asio::co_spawn(pool_, call(function), boost::asio::use_awaitable);
    } else {
      std::optional<Result> result;
      auto keep = [&] { result.emplace(function()); };
      co_await boost::asio::co_spawn(pool_, call(keep), boost::asio::use_awaitable);
      co_return std::move(*result);
    }
  }

 private:
  template <typename Function>
  static boost::asio::awaitable<void> call(Function& function) {
    function();
    co_return;
  }

  boost::asio::thread_pool pool_;
};

}  // namespace dmjob::core

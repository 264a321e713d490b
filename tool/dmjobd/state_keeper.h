// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Keeps the state file in step with what the reactor knows. Who asks while a write is under way
// shares the next one; each write has all that was known when it began. Thread: the reactor; the
// file is written on a worker.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "libjob/core/clock.h"
#include "libjob/core/signal.h"
#include "libjob/core/worker.h"
#include "libjob/store/state_file.h"

namespace dmjob::daemon {

class StateKeeper {
 public:
  // What one write is surrounded by; each may be null.
  struct Around {
    std::function<void()> before;  // on the worker; if it throws, nothing is written
    std::function<void()> after;   // on the worker, once the state is durable; throws: logged
    std::function<void()> done;    // on the reactor, once the state is durable
  };
  // compose() makes the state as JSON text, within one turn of the reactor: what belongs together
  // is told together. around() is called in the same turn, after it. `file` and what they refer to
  // outlive this.
  StateKeeper(boost::asio::any_io_executor executor, store::StateFile& file,
              std::function<std::string()> compose, std::function<Around()> around = nullptr);

  // Returns when everything known at the call is durable. Throws core::Error if it cannot be.
  boost::asio::awaitable<void> persist();
  // Asks for it; a failure is logged.
  void persist_soon();
  // As persist(), but returns why it is not durable, at the latest after `limit` of real time; ""
  // if it is.
  boost::asio::awaitable<std::string> try_persist(core::Duration limit);

 private:
  boost::asio::awaitable<void> write_once();
  boost::asio::awaitable<void> finish(Around around);

  boost::asio::any_io_executor executor_;
  store::StateFile& file_;
  std::function<std::string()> compose_;
  std::function<Around()> around_;
  std::uint64_t asked_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t tried_ = 0;
  std::string why_not_;  // of the last try that failed
  bool writing_ = false;
  bool soon_ = false;
  core::Signal written_;
  core::Worker worker_;
};

}  // namespace dmjob::daemon

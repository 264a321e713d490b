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

#include "libjob/core/signal.h"
#include "libjob/core/worker.h"
#include "libjob/store/state_file.h"

namespace dmjob::daemon {

class StateKeeper {
 public:
  // compose() makes the state as JSON text, within one turn of the reactor: what belongs together
  // is told together. `file` and what `compose` refers to outlive this.
  StateKeeper(boost::asio::any_io_executor executor, store::StateFile& file,
              std::function<std::string()> compose);

  // Returns when everything known at the call is durable. Throws core::Error if it cannot be.
  boost::asio::awaitable<void> persist();
  // Asks for it; a failure is logged.
  void persist_soon();

 private:
  boost::asio::awaitable<void> write_once();

  boost::asio::any_io_executor executor_;
  store::StateFile& file_;
  std::function<std::string()> compose_;
  std::uint64_t asked_ = 0;
  std::uint64_t durable_ = 0;
  bool writing_ = false;
  bool soon_ = false;
  core::Signal written_;
  core::Worker worker_;
};

}  // namespace dmjob::daemon

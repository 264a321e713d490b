// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Turns the kernel's dm events into a Signal of the reactor. Thread: the reactor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "dm/event_watch.h"
#include "libjob/core/signal.h"

namespace dmjob::daemon {

class DmEvents {
 public:
  // Throws std::system_error if there is no device-mapper. `signal` outlives this.
  DmEvents(boost::asio::any_io_executor executor, core::Signal& signal);
  // Runs until stop().
  boost::asio::awaitable<void> run();
  void stop();

 private:
  dm::EventWatch watch_;
  boost::asio::posix::stream_descriptor descriptor_;  // a duplicate of the watch's
  core::Signal& signal_;
};

}  // namespace dmjob::daemon

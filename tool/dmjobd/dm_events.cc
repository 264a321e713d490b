// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/dm_events.h"

#include <fcntl.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace dmjob::daemon {

DmEvents::DmEvents(boost::asio::any_io_executor executor, core::Signal& signal)
    : descriptor_(executor, fcntl(watch_.fd(), F_DUPFD_CLOEXEC, 0)), signal_(signal) {}

boost::asio::awaitable<void> DmEvents::run() {
  boost::system::error_code error;
  while (!error) {
    co_await descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                    boost::asio::redirect_error(boost::asio::use_awaitable, error));
    if (error) break;
    watch_.arm();  // before anybody looks: an event after this look is told again
    signal_.notify();
  }
}

void DmEvents::stop() { descriptor_.close(); }

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Work whose end cannot be waited for without a limit, since it may hang with a disk.
// Thread: the reactor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>

#include "libjob/core/clock.h"

namespace dmjob::core {

// Does the work beside, and returns "" once it has ended well, why it failed, or after `limit` of
// real time that it gives no answer; then it goes on, and its end interests nobody. What the work
// refers to outlives it.
boost::asio::awaitable<std::string> attempt_within(
    boost::asio::any_io_executor executor, Duration limit,
    std::function<boost::asio::awaitable<void>()> work);

}  // namespace dmjob::core

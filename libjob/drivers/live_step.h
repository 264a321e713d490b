// SPDX-License-Identifier: LGPL-2.1-or-later
//
// LiveDriver::step(), for the files that LiveDriver is written in.
#pragma once

#include "libjob/drivers/live_driver.h"
#include "libjob/drivers/volume_group.h"

namespace dmjob::drivers {

template <typename Step>
auto LiveDriver::step(std::string what, Step function)
    -> boost::asio::awaitable<decltype(function())> {
  auto hold = co_await environment_.locks.acquire(plan_.volume, what + " of job '" + job_id_ + "'",
                                                  kSlotPatience);
  co_return co_await worker_.run(std::move(function));
}

}  // namespace dmjob::drivers

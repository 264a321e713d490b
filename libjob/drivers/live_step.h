// SPDX-License-Identifier: LGPL-2.1-or-later
//
// LiveDriver::step(), for the files that LiveDriver is written in.
#pragma once

#include "libjob/drivers/live_driver.h"

namespace dmjob::drivers {

// For the volume's modify slot.
inline constexpr core::Duration kSlotPatience = std::chrono::minutes(1);

template <typename Step>
auto LiveDriver::step(std::string what, Step function)
    -> boost::asio::awaitable<decltype(function())> {
  auto hold = co_await environment_.locks.acquire(plan_.volume, what + " of job '" + job_id_ + "'",
                                                  kSlotPatience);
  co_return co_await worker_.run(std::move(function));
}

}  // namespace dmjob::drivers

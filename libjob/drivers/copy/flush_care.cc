// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy/flush_care.h"

#include <utility>

#include "libjob/core/error.h"

namespace dmjob::drivers {

boost::asio::awaitable<void> FlushCare::poll() {
  const bool is_time = context_.environment.clock.now() >= next_poll_;
  if (context_.plan.managed && is_time) co_await let_flushes_through();
}

// A volume that is just being changed by another is looked at again later.
boost::asio::awaitable<void> FlushCare::let_flushes_through() {
  constexpr core::Duration kEvery = std::chrono::seconds(5);
  next_poll_ = context_.environment.clock.now() + kEvery;
  try {
    auto follow = [this] { return copy_.let_flushes_through(); };
    swallows_ = co_await context_.step("care for flushes", std::move(follow));
  } catch (const core::Error& error) {
    swallows_ = error.what();
  }
}

std::string FlushCare::refusal_to_pivot() const {
  return "volume '" + context_.plan.volume + "' cannot be pivoted to " + context_.plan.target +
         ": " + swallows_;
}

}  // namespace dmjob::drivers

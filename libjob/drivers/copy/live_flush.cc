// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Before a volume may live on a target with a write cache, it and all that stands on it must pass
// flushes (dm/topology/write_cache.h). They follow while the mirror already has the target, and the
// source still has everything that was acknowledged.
#include "libjob/core/error.h"
#include "libjob/drivers/copy/live_driver.h"

namespace dmjob::drivers {

// In ready: who was in the way may have gone, or the cache of a disk have been switched on.
boost::asio::awaitable<void> LiveDriver::look_at_flushes() {
  if (context_.plan.managed && context_.environment.clock.now() >= next_flush_look_)
    co_await let_flushes_through();
}

// A volume that is just being changed by another is looked at again later.
boost::asio::awaitable<void> LiveDriver::let_flushes_through() {
  constexpr core::Duration kEvery = std::chrono::seconds(5);
  next_flush_look_ = context_.environment.clock.now() + kEvery;
  try {
    auto follow = [this] { return copy_->let_flushes_through(); };
    swallows_ = co_await context_.step("care for flushes", std::move(follow));
  } catch (const core::Error& error) {
    swallows_ = error.what();
  }
}

std::string LiveDriver::refusal_to_pivot() const {
  return "volume '" + context_.plan.volume + "' cannot be pivoted to " + context_.plan.target +
         ": " + swallows_;
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A step of a job: on its worker, and alone on the volume.
// Thread: the reactor.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <utility>

#include "libjob/core/volume_lock.h"
#include "libjob/core/worker.h"
#include "libjob/drivers/base/volume_group.h"

namespace dmjob::drivers {

// `what` is for those who wait: "hand over of job 'j1'". Locks and worker outlive it.
template <typename Step>
auto run_step(core::VolumeLocks& locks, core::Worker& worker, std::string volume, std::string what,
              Step function) -> boost::asio::awaitable<decltype(function())> {
  auto hold = co_await locks.acquire(volume, what, kSlotPatience);
  co_return co_await worker.run(std::move(function));
}

}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/flush_watch.h"

#include <system_error>
#include <utility>

#include "dm/topology/write_cache.h"
#include "libjob/core/error.h"
#include "libjob/drivers/base/volume_group.h"

namespace dmjob::daemon {

using boost::asio::awaitable;

FlushWatch::FlushWatch(drivers::Environment& environment, core::EventBus& events)
    : environment_(environment),
      events_(events),
      watch_(environment.executor, environment.clock, environment.volumes, duty()) {}

VolumeWatch<WatchedVolume>::Duty FlushWatch::duty() {
  constexpr core::Duration kEvery = std::chrono::seconds(10);
  auto includes = [](const volumes::ManagedVolume& volume) { return volume.error.empty(); };
  auto poll_one = [this](std::string name, WatchedVolume& watched) {
    return poll(std::move(name), watched);
  };
  return {.every = kEvery, .subject = "", .includes = includes, .poll = poll_one};
}

// A look without the slot may meet another's change half done: it counts once it is seen with it.
awaitable<Poll> FlushWatch::poll(std::string name, WatchedVolume& watched) {
  std::string fault;
  try {
    auto ask = [&] { return dm::who_swallows_flushes(*environment_.control, name); };
    fault = co_await watched.worker.run(std::move(ask));
    if (!fault.empty()) fault = co_await repair(name, watched);
  } catch (const std::system_error&) {  // a device of it has just gone
    co_return Poll::kNotTried;
  } catch (const core::Error&) {  // another holder of its slot is at work on it
    co_return Poll::kNotTried;
  }
  if (fault.empty()) co_return Poll::kWell;
  if (fault != watched.fault)
    events_.publish("VOLUME_CHANGE",
                    {{"name", name}, {"change", "swallows flushes"}, {"reason", fault}});
  throw core::Error(fault);
}

awaitable<std::string> FlushWatch::repair(std::string name, WatchedVolume& watched) {
  auto hold =
      co_await environment_.locks.acquire(name, "care for its flushes", drivers::kSlotPatience);
  auto follow = [&] {
    return dm::follow_write_cache(*environment_.control, environment_.ledger, name);
  };
  const std::string left = co_await watched.worker.run(std::move(follow));
  co_return left;
}

std::string FlushWatch::fault(const std::string& volume) const {
  const WatchedVolume* watched = watch_.find(volume);
  return watched ? watched->fault : "";
}

}  // namespace dmjob::daemon

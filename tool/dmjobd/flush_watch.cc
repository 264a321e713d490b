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
  auto visit = [this](std::string name, WatchedVolume& watched) {
    return look(std::move(name), watched);
  };
  return {.every = kEvery, .subject = "", .includes = includes, .visit = visit};
}

// A look without the slot may meet another's change half done: it counts once it is seen with it.
awaitable<Visit> FlushWatch::look(std::string name, WatchedVolume& watched) {
  std::string trouble;
  try {
    auto ask = [&] { return dm::who_swallows_flushes(*environment_.control, name); };
    trouble = co_await watched.worker.run(std::move(ask));
    if (!trouble.empty()) trouble = co_await mend(name, watched);
  } catch (const std::system_error&) {  // a device of it has just gone
    co_return Visit::kNotTried;
  } catch (const core::Error&) {  // somebody else is at work on it
    co_return Visit::kNotTried;
  }
  if (trouble.empty()) co_return Visit::kWell;
  if (trouble != watched.trouble)
    events_.publish("VOLUME_CHANGE",
                    {{"name", name}, {"change", "swallows flushes"}, {"reason", trouble}});
  throw core::Error(trouble);
}

awaitable<std::string> FlushWatch::mend(std::string name, WatchedVolume& watched) {
  auto hold =
      co_await environment_.locks.acquire(name, "care for its flushes", drivers::kSlotPatience);
  auto follow = [&] {
    return dm::follow_write_cache(*environment_.control, environment_.ledger, name);
  };
  const std::string left = co_await watched.worker.run(std::move(follow));
  co_return left;
}

std::string FlushWatch::trouble(const std::string& volume) const {
  const WatchedVolume* watched = watch_.find(volume);
  return watched ? watched->trouble : "";
}

}  // namespace dmjob::daemon

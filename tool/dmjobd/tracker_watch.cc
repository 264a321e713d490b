// SPDX-License-Identifier: LGPL-2.1-or-later
// The watch over volumes with a chain of incremental backups.
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/base/volume_group.h"
#include "tool/dmjobd/log.h"
#include "tool/dmjobd/trackers.h"
#include "tool/dmjobd/volume_events.h"

namespace dmjob::daemon {

using boost::asio::awaitable;
using volumes::ManagedVolume;
using volumes::Tracker;
using volumes::TrackerState;
using volumes::Tracking;

namespace {

// A tracker raises no event when it begins to fail good writes.
constexpr core::Duration kEvery = std::chrono::milliseconds(20);
constexpr core::Duration kEndEvery = std::chrono::seconds(1);
constexpr core::Duration kCountEvery = std::chrono::seconds(5);

// Why its marks are not all there; "": they are.
std::string failure_of(const TrackerState& state) {
  if (!state.there) return "its tracker was taken away by somebody else";
  if (state.log_failed) return "its tracker could not write its log";
  if (state.replaced)
    return "its table was replaced by somebody else, so that nothing marks what is written to it";
  return "";
}

}  // namespace

VolumeWatch<Trackers::Watched>::Duty Trackers::duty() {
  auto includes = [](const ManagedVolume& volume) {
    return volume.tracking && volume.error.empty();
  };
  auto poll_one = [this](std::string name, Watched& watched) {
    return poll(std::move(name), watched);
  };
  return {.every = kEvery, .subject = "its tracker: ", .includes = includes, .poll = poll_one};
}

awaitable<Poll> Trackers::poll(std::string name, Watched& watched) {
  const ManagedVolume* volume = tracked(name);
  if (volume && volume->tracking->is_broken())
    co_await remove_tracker(name, watched);
  else if (volume)
    co_await check(*volume, watched);
  co_return Poll::kWell;
}

awaitable<void> Trackers::check(ManagedVolume volume, Watched& watched) {
  watched.ended = false;
  if (std::exchange(watched.chain, volume.tracking->uuid) != volume.tracking->uuid)
    watched.stack = std::make_unique<dm::CopyStack>(
        volumes::stack_of_tracker(*environment_.control, environment_.ledger, volume));
  auto read = [&] {
    return volumes::look_at_tracker(*environment_.control, volume.name, *watched.stack);
  };
  const TrackerState state = co_await watched.worker.run(std::move(read));
  if (!failure_of(state).empty() || state.writes_fail) co_await repair(volume.name, watched);
  if (environment_.clock.now() >= watched.next_count) co_await count(volume.name, watched);
}

// What the watch has seen may be a step of a job, half done: it looks once more, alone on the
// volume.
awaitable<void> Trackers::repair(std::string name, Watched& watched) {
  auto hold =
      co_await environment_.locks.acquire(name, "care for its tracker", drivers::kSlotPatience);
  const ManagedVolume* found = tracked(name);
  if (!found || found->tracking->is_broken()) co_return;
  const ManagedVolume volume = *found;
  const bool begins =
      volume.tracking->stage == Tracking::Stage::kBegun && registry_.holder(name) != nullptr;
  auto set_up = [&] { return set_up_anew(volume, begins); };
  const Repaired repaired = co_await watched.worker.run(std::move(set_up));
  if (repaired.has_new_log)
    log_warning("volume '" + name + "': its disk refused a write; its tracker goes on");
  if (repaired.failure.empty()) co_return;
  co_await break_chain(name, repaired.failure);
  auto pass = [&] { volumes::stop_marking(*environment_.control, environment_.ledger, volume); };
  co_await watched.worker.run(std::move(pass));
}

// The volume's writes matter more than the chain.
Trackers::Repaired Trackers::set_up_anew(const ManagedVolume& volume, bool begins) {
  auto stack = volumes::stack_of_tracker(*environment_.control, environment_.ledger, volume);
  const TrackerState state = volumes::look_at_tracker(*environment_.control, volume.name, stack);
  if (!state.there && begins) return {};  // its backup sees to it
  if (std::string failure = failure_of(state); !failure.empty()) return {.failure = failure};
  if (!state.writes_fail) return {};
  try {
    Tracker(*environment_.control, environment_.ledger, volume, Tracker::How::kOpen).rotate();
  } catch (const std::exception& error) {
    return {.failure = error.what()};
  }
  return {.failure = "", .has_new_log = true};
}

awaitable<void> Trackers::count(std::string name, Watched& watched) {
  watched.next_count = environment_.clock.now() + kCountEvery;
  auto hold = co_await environment_.locks.acquire(name, "count of what has changed",
                                                  drivers::kSlotPatience);
  const ManagedVolume* found = tracked(name);
  if (!found || found->tracking->is_broken()) co_return;
  const ManagedVolume volume = *found;
  auto count = [&] {
    return Tracker(*environment_.control, environment_.ledger, volume, Tracker::How::kOpen)
        .changed()
        .dirty_bytes();
  };
  watched.changed = co_await watched.worker.run(std::move(count));
}

// A broken chain's tracker goes, but not while a job stands on it.
awaitable<void> Trackers::remove_tracker(std::string name, Watched& watched) {
  watched.changed.reset();
  if (watched.ended || registry_.holder(name) || environment_.clock.now() < watched.next_end)
    co_return;
  watched.next_end = environment_.clock.now() + kEndEvery;
  auto hold =
      co_await environment_.locks.acquire(name, "end of its tracker", drivers::kSlotPatience);
  const ManagedVolume* found = tracked(name);
  if (!found || !found->tracking->is_broken() || registry_.holder(name)) co_return;
  const ManagedVolume volume = *found;
  co_await keeper_.persist();  // a job may have broken it
  auto end = [&] { volumes::end_tracking(*environment_.control, environment_.ledger, volume); };
  co_await watched.worker.run(std::move(end));
  watched.ended = true;
  publish_change(events_, volume, {{"change", "untracked"}, {"reason", volume.tracking->broken}});
  const bool has_backups = volume.tracking->last_backup != 0;
  if (!has_backups) environment_.volumes.set_tracking(name, std::nullopt);
  keeper_.persist_soon();
}

}  // namespace dmjob::daemon

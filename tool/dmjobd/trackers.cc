// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/trackers.h"

#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/base/volume_group.h"
#include "tool/dmjobd/log.h"
#include "tool/dmjobd/requirements.h"
#include "tool/dmjobd/volume_events.h"

namespace dmjob::daemon {

using boost::asio::awaitable;
using volumes::ManagedVolume;
using volumes::Tracking;

Trackers::Trackers(drivers::Environment& environment, core::Registry& registry,
                   core::EventBus& events, StateKeeper& keeper)
    : environment_(environment),
      registry_(registry),
      events_(events),
      keeper_(keeper),
      watch_(environment.executor, environment.clock, environment.volumes, duty()) {}

const ManagedVolume* Trackers::tracked(const std::string& name) const {
  const ManagedVolume* volume = environment_.volumes.find(name);
  return volume && volume->tracking ? volume : nullptr;
}

awaitable<void> Trackers::activate(ManagedVolume volume, volumes::IfScratchIsLate if_late) {
  core::Worker worker;
  auto activate = [&] {
    return volumes::activate_tracked(*environment_.control, environment_.ledger, volume, if_late);
  };
  const std::string broken = co_await worker.run(std::move(activate));
  if (!broken.empty() && !volume.tracking->is_broken()) co_await break_chain(volume.name, broken);
}

// Durable before the tracker goes, so that no start takes the volume for one that has it.
awaitable<void> Trackers::note_broken(std::string name, std::string why) {
  Tracking broken = *tracked(name)->tracking;
  broken.stage = Tracking::Stage::kBroken;
  broken.broken = std::move(why);
  environment_.volumes.set_tracking(name, std::move(broken));
  co_await keeper_.persist();
}

awaitable<void> Trackers::break_chain(std::string name, std::string why) {
  log_error("volume '" + name + "' has no chain of incremental backups any more: " + why);
  co_await note_broken(name, why);
}

awaitable<void> Trackers::untrack(std::string name, Wanted wanted) {
  auto hold = co_await environment_.locks.acquire(name, "untrack", drivers::kSlotPatience);
  wanted.require();
  const ManagedVolume* found = tracked(name);
  if (!found) throw core::Error("volume '" + name + "' has no chain of incremental backups");
  require_no_job(registry_, name);
  const ManagedVolume volume = *found;
  co_await note_broken(name, "it was ended");
  core::Worker worker;
  auto end = [&] { volumes::end_tracking(*environment_.control, environment_.ledger, volume); };
  co_await worker.run(std::move(end));
  environment_.volumes.set_tracking(name, std::nullopt);
  co_await keeper_.persist();
  publish_change(events_, volume, {{"change", "untracked"}});
}

nlohmann::json Trackers::describe(const ManagedVolume& volume) const {
  const Tracking& tracking = *volume.tracking;
  nlohmann::json about{{"target", tracking.target},
                       {"state", tracking.stage_word()},
                       {"scratch", tracking.scratch.describe()}};
  if (tracking.last_backup != 0) about["last-backup"] = tracking.last_backup;
  if (tracking.is_broken()) about["broken"] = tracking.broken;
  const Watched* watched = watch_.find(volume.name);
  if (!watched) return about;
  if (watched->changed) about["changed"] = *watched->changed;
  if (!watched->fault.empty()) about["trouble"] = watched->fault;
  return about;
}

}  // namespace dmjob::daemon

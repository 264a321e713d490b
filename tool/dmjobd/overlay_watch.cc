// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The watch over volumes that hold what is written to them. It need not be quick: a volume that
// comes to the end of its room waits in the kernel (dm/topology/overlay_stack.h).
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/core/signal.h"
#include "tool/dmjobd/log.h"
#include "tool/dmjobd/overlays.h"

namespace dmjob::daemon {

using boost::asio::awaitable;
using volumes::ManagedVolume;
using volumes::OverlayDevice;

namespace {

constexpr core::Duration kEvery = std::chrono::milliseconds(200);
// After it was found that there is no more room.
constexpr core::Duration kAgain = std::chrono::seconds(1);
constexpr core::Duration kPatience = std::chrono::minutes(1);

constexpr const char* kGivenUp =
    "its scratch has failed, so reads and writes fail until it is back; nothing that was "
    "acknowledged is lost: ";

constexpr const char* kMergeFailed =
    "the merge into its disk has failed; nothing is lost: see to the disks, then resume its job, "
    "or commit the volume";

std::string trouble_of(const dm::OverlayStack::State& state) {
  return state.status.state == dm::SnapshotStatus::State::kMergeFailed ? kMergeFailed : "";
}

bool is_held(const OverlayDevice::Room& room) { return room.state.held() && !room.can_grow; }

}  // namespace

awaitable<void> Overlays::watch() {
  core::Signal never(environment_.executor);
  while (!stopped_) {
    tend_all();
    co_await never.wait_for(kEvery);
  }
}

void Overlays::tend_all() {
  std::erase_if(watched_, [this](const auto& entry) { return !find(entry.first); });
  for (const auto& [name, volume] : environment_.volumes.all()) {
    if (!volume.overlay) continue;
    std::shared_ptr<Watched>& watched = watched_[name];
    if (!watched) watched = std::make_shared<Watched>();
    if (!volume.error.empty() || std::exchange(watched->busy, true)) continue;
    ++tending_;
    boost::asio::co_spawn(environment_.executor, tend(name, watched), boost::asio::detached);
  }
}

const ManagedVolume* Overlays::find(const std::string& name) const {
  const ManagedVolume* volume = environment_.volumes.find(name);
  return volume && volume->overlay ? volume : nullptr;
}

awaitable<void> Overlays::tend(std::string name, std::shared_ptr<Watched> watched) {
  try {
    co_await try_tend(name, *watched);
  } catch (const std::exception& error) {
    const bool given_up = volumes::is_given_up(watched->room.state);
    note_trouble(name, *watched, (given_up ? kGivenUp : "") + std::string(error.what()));
  }
  watched->busy = false;
  --tending_;
}

awaitable<void> Overlays::try_tend(std::string name, Watched& watched) {
  const ManagedVolume* found = find(name);
  if (!found) co_return;
  const ManagedVolume volume = *found;
  co_await look(volume, watched);
  const bool wanted =
      volumes::is_given_up(watched.room.state) || volumes::is_nearly_full(watched.room.state);
  const bool now = environment_.clock.now() >= watched.next_try;
  if (wanted && now) co_await act(name, watched);
  if (!wanted) watched.room.can_grow = true;
  tell(volume, watched);
  if (!wanted || now) note_trouble(name, watched, trouble_of(watched.room.state));
}

// Said once.
void Overlays::note_trouble(const std::string& name, Watched& watched, std::string trouble) {
  if (!trouble.empty() && trouble != watched.trouble)
    log_error("volume '" + name + "': " + trouble);
  watched.trouble = std::move(trouble);
}

awaitable<void> Overlays::look(const ManagedVolume& volume, Watched& watched) {
  auto look = [&] { return volumes::look_at(*environment_.control, environment_.ledger, volume); };
  watched.room.state = co_await watched.worker.run(std::move(look));
}

awaitable<void> Overlays::act(std::string name, Watched& watched) {
  watched.next_try = environment_.clock.now() + kAgain;
  auto hold = co_await environment_.locks.acquire(name, "care for its scratch", kPatience);
  const ManagedVolume* volume = find(name);
  if (!volume) co_return;
  auto grow = [&, volume = *volume] {
    OverlayDevice device(*environment_.control, environment_.ledger, volume);
    device.mend();
    return device.make_room();
  };
  watched.room = co_await watched.worker.run(std::move(grow));
  if (watched.room.can_grow) watched.next_try = {};
}

void Overlays::tell(const ManagedVolume& volume, Watched& watched) {
  const bool held = is_held(watched.room);
  if (std::exchange(watched.told, held) == held) return;
  const std::string place = volume.overlay->cow.place.describe();
  if (held) {
    const std::string reason =
        "scratch " + place + " is full: writes to volume '" + volume.name + "' wait";
    log_error(reason + ", none is lost; " + way_out(volume));
    publish_change(volume, {{"change", "held"}, {"reason", reason}});
  } else {
    log_info("volume '" + volume.name + "' has room again; its writes go on");
    publish_change(volume, {{"change", "released"}});
  }
}

std::string Overlays::way_out(const ManagedVolume& volume) {
  const bool grows = volume.overlay->cow.place.kind == store::ScratchPlace::Kind::kFile;
  return std::string(grows ? "make room in its file system, or " : "") +
         (volume.overlay->read_only ? "stream the volume" : "commit the volume");
}

nlohmann::json Overlays::describe(const ManagedVolume& volume) const {
  const volumes::Overlay& overlay = *volume.overlay;
  nlohmann::json about{{"origin", volume.device},
                       {"read-only", overlay.read_only},
                       {"scratch", overlay.cow.place.describe()},
                       {"size", overlay.cow.bytes},
                       {"used", 0},
                       {"held", false}};
  if (!overlay.target.empty()) about["target"] = overlay.target;
  const auto watched = watched_.find(volume.name);
  if (watched == watched_.end()) return about;
  const OverlayDevice::Room& room = watched->second->room;
  about["used"] = room.state.status.used * 512;
  about["held"] = is_held(room);
  if (is_held(room)) about["to-do"] = way_out(volume);
  if (const std::string& trouble = watched->second->trouble; !trouble.empty())
    about["trouble"] = trouble;
  return about;
}

}  // namespace dmjob::daemon

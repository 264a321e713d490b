// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The watch over volumes that hold what is written to them. It need not be quick: a volume that
// comes to the end of its room waits in the kernel (dm/topology/overlay_stack.h).
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/base/volume_group.h"
#include "libjob/io/units.h"
#include "tool/dmjobd/log.h"
#include "tool/dmjobd/overlays.h"
#include "tool/dmjobd/volume_events.h"

namespace dmjob::daemon {

using boost::asio::awaitable;
using volumes::ManagedVolume;
using volumes::OverlayDevice;

namespace {

constexpr core::Duration kEvery = std::chrono::milliseconds(200);
// After it was found that there is no more room.
constexpr core::Duration kRetryAfter = std::chrono::seconds(1);

constexpr const char* kGivenUp =
    "its scratch has failed, so reads and writes fail until it is back; nothing that was "
    "acknowledged is lost: ";

constexpr const char* kMergeFailed =
    "the merge into its disk has failed; nothing is lost: see to the disks, then resume its job, "
    "or commit the volume";

// What is being discarded has its new table already, or will have.
bool is_replaced(const ManagedVolume& volume, const dm::OverlayStack::State& state) {
  const bool has_scratch = volume.overlay->stage != volumes::Overlay::Stage::kDiscarding;
  return has_scratch && volumes::is_replaced(state);
}

bool is_held(const OverlayDevice::Room& room) { return room.state.held() && !room.can_grow; }

}  // namespace

VolumeWatch<Overlays::Watched>::Duty Overlays::duty() {
  auto includes = [](const ManagedVolume& volume) {
    return volume.overlay && volume.error.empty();
  };
  auto poll_one = [this](std::string name, Watched& watched) {
    return poll(std::move(name), watched);
  };
  return {.every = kEvery, .subject = "", .includes = includes, .poll = poll_one};
}

const ManagedVolume* Overlays::find(const std::string& name) const {
  const ManagedVolume* volume = environment_.volumes.find(name);
  return volume && volume->overlay ? volume : nullptr;
}

awaitable<Poll> Overlays::poll(std::string name, Watched& watched) {
  try {
    const Poll result = co_await try_poll(name, watched);
    co_return result;
  } catch (const volumes::MixedUp&) {
    throw;
  } catch (const std::exception& error) {
    const bool given_up = volumes::is_given_up(watched.room.state);
    throw core::Error((given_up ? kGivenUp : "") + std::string(error.what()));
  }
}

awaitable<Poll> Overlays::try_poll(std::string name, Watched& watched) {
  const ManagedVolume* found = find(name);
  if (!found) co_return Poll::kWell;
  const ManagedVolume volume = *found;
  co_await read_state(volume, watched);
  if (is_replaced(volume, watched.room.state)) co_await read_state_alone(name, watched);
  const ManagedVolume* now = find(name);
  if (!now) co_return Poll::kWell;
  if (now->overlay->replaced) throw core::Error(volumes::replaced_in_words(*now));
  const Poll result = co_await give_room(volume, watched);
  co_return result;
}

// What was seen may be a step that is half done.
awaitable<void> Overlays::read_state_alone(std::string name, Watched& watched) {
  auto hold =
      co_await environment_.locks.acquire(name, "look at its table", drivers::kSlotPatience);
  const ManagedVolume* found = find(name);
  if (!found) co_return;
  const ManagedVolume volume = *found;
  co_await read_state(volume, watched);
  if (is_replaced(volume, watched.room.state)) co_await note_replaced(volume, watched);
}

// Should it not be stored, each poll tries again.
awaitable<void> Overlays::note_replaced(ManagedVolume volume, Watched& watched) {
  if (watched.replaced_is_stored) co_return;
  const std::string reason = volumes::replaced_in_words(volume);
  if (!volume.overlay->replaced)
    publish_change(events_, volume, {{"change", "table replaced"}, {"reason", reason}});
  environment_.volumes.set_replaced(volume.name);
  std::string failed;
  try {
    co_await keeper_.persist();
    watched.replaced_is_stored = true;
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) throw core::Error(reason + "; the next boot does not know of it: " + failed);
}

awaitable<Poll> Overlays::give_room(ManagedVolume volume, Watched& watched) {
  const bool wanted =
      volumes::is_given_up(watched.room.state) || volumes::is_nearly_full(watched.room.state);
  const bool now = environment_.clock.now() >= watched.next_try;
  if (wanted && now) co_await act(volume.name, watched);
  if (!wanted) watched.room.can_grow = true;
  tell(volume, watched);
  if (watched.room.state.status.state == dm::SnapshotStatus::State::kMergeFailed)
    throw core::Error(kMergeFailed);
  co_return wanted && !now ? Poll::kNotTried : Poll::kWell;
}

awaitable<void> Overlays::read_state(const ManagedVolume& volume, Watched& watched) {
  std::string fault;
  auto read = [&] {
    fault = volumes::fault_of_scratch_file(*environment_.control, environment_.ledger, volume);
    return volumes::look_at(*environment_.control, environment_.ledger, volume);
  };
  watched.room.state = co_await watched.worker.run(std::move(read));
  tell_fault(volume, watched, std::move(fault));
}

void Overlays::tell_fault(const ManagedVolume& volume, Watched& watched, std::string fault) {
  if (std::exchange(watched.scratch_fault, fault) == fault) return;
  if (fault.empty()) return log_info("volume '" + volume.name + "' has its scratch back");
  log_error("volume '" + volume.name + "': " + fault);
  publish_change(events_, volume, {{"change", "scratch lost its name"}, {"reason", fault}});
}

awaitable<void> Overlays::act(std::string name, Watched& watched) {
  watched.next_try = environment_.clock.now() + kRetryAfter;
  auto hold =
      co_await environment_.locks.acquire(name, "care for its scratch", drivers::kSlotPatience);
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
    publish_change(events_, volume, {{"change", "held"}, {"reason", reason}});
  } else {
    log_info("volume '" + volume.name + "' has room again; its writes go on");
    publish_change(events_, volume, {{"change", "released"}});
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
  const Watched* watched = watch_.find(volume.name);
  if (!watched) return about;
  const OverlayDevice::Room& room = watched->room;
  about["used"] = room.state.status.used * io::kSector;
  about["held"] = is_held(room);
  if (is_held(room)) about["to-do"] = way_out(volume);
  if (!watched->fault.empty()) about["trouble"] = watched->fault;
  if (!watched->scratch_fault.empty()) about["scratch-fault"] = watched->scratch_fault;
  return about;
}

std::string Overlays::loss(const ManagedVolume& volume) const {
  const volumes::Overlay& overlay = *volume.overlay;
  const Watched* watched = watch_.find(volume.name);
  const std::uint64_t used = watched ? watched->room.state.status.used * io::kSector : 0;
  std::string what = "what was written to '" + volume.name + "'" +
                     (overlay.replaced ? " before its table was replaced" : "") +
                     (used != 0 ? ", " + std::to_string(used) + " bytes," : "") + " is lost";
  if (overlay.replaced) return what + ": " + volume.device + " has what was written since";
  if (overlay.read_only) return what;
  if (!overlay.merge_begun) return what + ": " + volume.device + " is as it was at the snapshot";
  return what + ", and as a commit had begun, " + volume.device +
         " has some of it and is neither as it was before nor after";
}

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/overlays.h"

#include <exception>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/base/volume_group.h"
#include "libjob/volumes/activation.h"
#include "tool/dmjobd/requirements.h"
#include "tool/dmjobd/volume_events.h"

namespace dmjob::daemon {

using boost::asio::awaitable;
using volumes::ManagedVolume;
using volumes::Overlay;
using volumes::OverlayDevice;

Overlays::Overlays(drivers::Environment& environment, core::Registry& registry,
                   core::EventBus& events, StateKeeper& keeper, TakenTable& taken)
    : environment_(environment),
      registry_(registry),
      events_(events),
      keeper_(keeper),
      taken_(taken),
      watch_(environment.executor, environment.clock, environment.volumes, duty()) {}

// --- making ---

awaitable<void> Overlays::overlay(drivers::OverlayRequest request, Wanted wanted) {
  require_control(environment_);
  auto hold = co_await environment_.locks.acquire(request.name, "overlay", drivers::kSlotPatience);
  if (environment_.volumes.find(request.name))
    throw core::Error("volume '" + request.name + "' exists already");
  auto check = [&](const drivers::CheckContext& context) {
    return drivers::check_overlay(request, context);
  };
  auto checked = co_await taken_.check(check, wanted);
  const auto token = taken_.hold(checked.holding);
  co_await begin(std::move(checked), "overlay");
}

awaitable<void> Overlays::snapshot(drivers::OverlayRequest request, Wanted wanted) {
  require_control(environment_);
  auto hold = co_await environment_.locks.acquire(request.name, "snapshot", drivers::kSlotPatience);
  auto check = [&](const drivers::CheckContext& context) {
    return drivers::check_snapshot(request, context);
  };
  auto checked = co_await taken_.check(check, wanted);
  require_no_job(registry_, request.name);
  const auto token = taken_.hold(checked.holding);
  co_await begin(std::move(checked), "snapshot");
}

// The cow is there, empty and on disk, before the state file says so, and that says so before the
// kernel writes to it.
awaitable<void> Overlays::begin(drivers::CheckedOverlay checked, std::string what) {
  const ManagedVolume volume = std::move(checked.volume);
  dm::Control& control = require_control(environment_);
  const bool is_new = environment_.volumes.find(volume.name) == nullptr;
  core::Worker worker;
  std::string failed;
  try {
    auto make = [&] {
      return std::make_unique<OverlayDevice>(control, environment_.ledger, volume, true);
    };
    const auto device = co_await worker.run(std::move(make));
    is_new ? environment_.volumes.add(volume)
           : environment_.volumes.set_overlay(volume.name, volume.overlay);
    co_await keeper_.persist();
    auto start = [&] {
      checked.lock.reset();  // dm takes it now, and looks whether it is as it was
      if (is_new)
        device->activate();
      else
        device->hold();
    };
    co_await worker.run(std::move(start));
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) {
    co_await put_back(volume);
    throw core::Error(what + " of volume '" + volume.name + "' did not come about: " + failed);
  }
  publish_change(events_, volume, {{"change", what}});
}

// Nothing has been written to the cow.
awaitable<void> Overlays::put_back(ManagedVolume volume) {
  dm::Control& control = require_control(environment_);
  core::Worker worker;
  auto remove = [&] { volumes::forget_cow(control, environment_.ledger, volume); };
  co_await worker.run(std::move(remove));
  if (volume.overlay->read_only)
    environment_.volumes.remove(volume.name);
  else if (environment_.volumes.find(volume.name))
    environment_.volumes.set_overlay(volume.name, std::nullopt);
  co_await keeper_.persist();
}

// --- ending ---

awaitable<void> Overlays::rollback(std::string name, Wanted wanted) {
  dm::Control& control = require_control(environment_);
  auto hold = co_await environment_.locks.acquire(name, "rollback", drivers::kSlotPatience);
  wanted.require();
  const ManagedVolume volume = require_managed(environment_.volumes, name);
  require_no_job(registry_, name);
  core::Worker worker;
  auto remove = [&] {
    drivers::check_rollback(volume, control);
    volumes::require_not_replaced(control, environment_.ledger, volume);
    volumes::deactivate(control, environment_.ledger, volume);
  };
  co_await worker.run(std::move(remove));
  std::exception_ptr failed;
  try {
    co_await discard(volume);
  } catch (...) {
    failed = std::current_exception();
  }
  if (failed) {  // the device is gone: LateVolumes brings it up again
    environment_.volumes.set_late(name, "its rollback has failed", true);
    std::rethrow_exception(failed);
  }
  publish_change(events_, volume, {{"change", "rolled back"}});
}

awaitable<void> Overlays::throw_away(ManagedVolume volume) {
  dm::Control& control = require_control(environment_);
  core::Worker worker;
  auto remove = [&] { volumes::forget_cow(control, environment_.ledger, volume); };
  try {
    co_await worker.run(std::move(remove));
  } catch (...) {
    environment_.volumes.set_late(volume.name, "its scratch could not be taken away", true);
    throw;
  }
}

// From the write of the state file on what the cow holds is given up.
awaitable<void> Overlays::note_discarding(ManagedVolume volume) {
  Overlay overlay = *volume.overlay;
  overlay.stage = Overlay::Stage::kDiscarding;
  environment_.volumes.set_overlay(volume.name, std::move(overlay));
  std::exception_ptr failed;
  try {
    co_await keeper_.persist();
  } catch (...) {
    failed = std::current_exception();
  }
  if (!failed) co_return;
  environment_.volumes.set_overlay(volume.name, volume.overlay);
  std::rethrow_exception(failed);
}

// The second write says that it is gone.
awaitable<void> Overlays::discard(ManagedVolume volume) {
  dm::Control& control = require_control(environment_);
  co_await note_discarding(volume);
  core::Worker worker;
  auto end = [&] { volumes::discard_overlay(control, environment_.ledger, volume); };
  co_await worker.run(std::move(end));
  environment_.volumes.set_overlay(volume.name, std::nullopt);
  co_await keeper_.persist();
}

}  // namespace dmjob::daemon

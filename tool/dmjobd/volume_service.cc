// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/volume_service.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <exception>
#include <vector>

#include "libjob/core/error.h"
#include "libjob/core/worker.h"
#include "libjob/drivers/base/volume_group.h"
#include "libjob/drivers/check/attach_check.h"
#include "libjob/drivers/check/taken_by.h"
#include "libjob/io/units.h"
#include "libjob/volumes/activation.h"
#include "libjob/volumes/late_disks.h"
#include "libjob/volumes/mounted_above.h"
#include "tool/dmjobd/requirements.h"
#include "tool/dmjobd/volume_events.h"

namespace dmjob::daemon {

using boost::asio::awaitable;
using volumes::IfScratchIsLate;
using volumes::ManagedVolume;

VolumeService::VolumeService(drivers::Environment& environment, core::Registry& registry,
                             core::EventBus& events, StateKeeper& keeper, TakenTable& taken,
                             Names& names)
    : environment_(environment),
      registry_(registry),
      events_(events),
      keeper_(keeper),
      taken_(taken),
      names_(names),
      overlays_(environment, registry, events, keeper, taken),
      trackers_(environment, registry, events, keeper),
      flushes_(environment, events),
      activator_(environment, registry, events, keeper, trackers_),
      late_(environment, [this](ManagedVolume volume, IfScratchIsLate if_late) {
        return activator_.activate(std::move(volume), if_late);
      }) {}

void VolumeService::begin() {
  if (environment_.control)
    late_.begin();
  else
    environment_.volumes.set_errors(kNoDeviceMapper);
}

void VolumeService::watch() {
  const auto& executor = environment_.executor;
  boost::asio::co_spawn(executor, late_.watch(), boost::asio::detached);
  boost::asio::co_spawn(executor, overlays_.watch(), boost::asio::detached);
  boost::asio::co_spawn(executor, trackers_.watch(), boost::asio::detached);
  boost::asio::co_spawn(executor, flushes_.watch(), boost::asio::detached);
}

void VolumeService::stop() {
  overlays_.stop();
  trackers_.stop();
  flushes_.stop();
  late_.stop();
}

bool VolumeService::idle() const {
  return overlays_.idle() && trackers_.idle() && flushes_.idle() && late_.idle();
}

// --- they come and go ---

awaitable<void> VolumeService::forget(std::string name) {
  environment_.volumes.remove(name);
  co_await keeper_.persist();
}

// The intent is durable before the device is made.
awaitable<void> VolumeService::attach(std::string name, std::string device, Wanted wanted) {
  require_control(environment_);
  co_await late_.all_tried();
  auto hold = co_await environment_.locks.acquire(name, "attach", drivers::kSlotPatience);
  if (environment_.volumes.find(name)) throw core::Error("volume '" + name + "' exists already");
  auto check = [&](const drivers::CheckContext& context) {
    return drivers::check_attach(name, device, context);
  };
  ManagedVolume volume = co_await taken_.check(check, wanted);
  const auto token = taken_.hold(drivers::holding_of(volume));
  environment_.volumes.add(volume);
  std::string failed;
  try {
    co_await keeper_.persist();
    const auto attempt = co_await activator_.attempt(volume, IfScratchIsLate::kWait);
    failed = attempt.error;
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) {
    co_await forget(name);
    throw core::Error("volume '" + name + "' was not attached: " + failed);
  }
  publish_change(events_, volume, {{"change", "attached"}});
}

awaitable<std::string> VolumeService::detach(std::string name, bool force, Wanted wanted) {
  auto hold = co_await environment_.locks.acquire(name, "detach", drivers::kSlotPatience);
  wanted.require();
  const ManagedVolume gone = require_managed(environment_.volumes, name);
  require_no_job(registry_, name);
  if (gone.overlay && !force)
    throw core::Error(
        "volume '" + name + "' cannot be detached: what was written to it is in " +
        gone.overlay->cow.place.describe() + "; " +
        (gone.overlay->read_only ? "stream it first" : "commit it or roll it back first") +
        ", or --force throws that away");
  const std::string lost = gone.overlay ? overlays_.loss(gone) : "";
  if (environment_.control) {
    core::Worker worker;
    auto remove = [&] { volumes::deactivate(*environment_.control, environment_.ledger, gone); };
    co_await worker.run(std::move(remove));
  }
  if (gone.overlay) co_await overlays_.throw_away(gone);
  co_await forget(name);
  publish_change(events_, gone, {{"change", "detached"}});
  co_return lost;
}

awaitable<void> VolumeService::overlay(drivers::OverlayRequest request, Wanted wanted) {
  co_await late_.all_tried();
  co_await overlays_.overlay(std::move(request), std::move(wanted));
}

awaitable<void> VolumeService::snapshot(drivers::OverlayRequest request, Wanted wanted) {
  co_await late_.all_tried();
  co_await overlays_.snapshot(std::move(request), std::move(wanted));
}

// Its contents are seen again from the write of the state file on.
awaitable<std::string> VolumeService::release(std::string device) {
  core::Worker worker;
  auto identify = [&] {
    return volumes::is_there(device) ? io::identify_disk(device) : io::DiskIdentity{};
  };
  const io::DiskIdentity disk = co_await worker.run(std::move(identify));
  const volumes::HiddenDisk released = names_.release(device, disk);
  std::exception_ptr failed;
  try {
    co_await keeper_.persist();
  } catch (...) {
    failed = std::current_exception();
  }
  if (!failed) co_return released.volume;
  names_.put_back(released);
  std::rethrow_exception(failed);
}

// --- they are told about ---

awaitable<nlohmann::json> VolumeService::query_not_frozen(std::string device) {
  dm::Control& control = require_control(environment_);
  core::Worker worker;
  auto ask = [&] {
    const std::string volume = volumes::volume_at(device);
    if (volume.empty()) return std::vector<std::string>();
    if (!control.find(volume)) throw core::Error("Cannot find volume '" + volume + "'");
    return volumes::not_frozen_with(control, volume);
  };
  const std::vector<std::string> lines = co_await worker.run(std::move(ask));
  co_return lines;
}

nlohmann::json VolumeService::query_volumes() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [name, volume] : environment_.volumes.all()) list.push_back(describe(volume));
  return list;
}

nlohmann::json VolumeService::describe(const ManagedVolume& volume) const {
  nlohmann::json about{{"name", volume.name},
                       {"device", volume.device},
                       {"size", volume.sectors * io::kSector},
                       {"managed", true},
                       {"active", volume.error.empty()}};
  if (volume.untried) about["activating"] = true;
  if (!volume.error.empty()) about["error"] = volume.error;
  if (auto who = flushes_.fault(volume.name); !who.empty()) about["swallows-flushes"] = who;
  if (auto job = registry_.holder(volume.name)) about["job"] = job->id();
  if (volume.overlay) about["overlay"] = overlays_.describe(volume);
  if (volume.tracking) about["tracking"] = trackers_.describe(volume);
  return about;
}

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/volume_activator.h"

#include <optional>
#include <utility>

#include "libjob/core/worker.h"
#include "libjob/io/partition_entry.h"
#include "libjob/io/probe.h"
#include "libjob/io/stable_path.h"
#include "libjob/io/udev_database.h"
#include "libjob/volumes/activation.h"
#include "tool/dmjobd/log.h"
#include "tool/dmjobd/volume_events.h"

namespace dmjob::daemon {

using boost::asio::awaitable;
using volumes::IfScratchIsLate;
using volumes::ManagedVolume;

VolumeActivator::VolumeActivator(drivers::Environment& environment, core::Registry& registry,
                                 core::EventBus& events, StateKeeper& keeper, Trackers& trackers)
    : environment_(environment),
      registry_(registry),
      events_(events),
      keeper_(keeper),
      trackers_(trackers) {}

// A volume with a job that had interposed is there already, or the job starts over after a reboot.
awaitable<LateVolumes::Outcome> VolumeActivator::activate(ManagedVolume volume,
                                                          IfScratchIsLate if_late) {
  using Outcome = LateVolumes::Outcome;
  volumes::ManagedVolumes& all = environment_.volumes;
  const Attempt result = co_await attempt(volume, if_late);
  if (!result.error.empty()) {
    if (result.error != volume.error)
      log_error("volume '" + volume.name + "' is not active: " + result.error);
    all.set_late(volume.name, result.error, result.absent);
    co_return result.scratch_is_late ? Outcome::kScratchIsLate : Outcome::kNotActive;
  }
  all.set_active(volume.name);
  if (io::is_link_of_contents(volume.device)) co_await rename_disk(volume);
  const auto job = registry_.holder(volume.name);
  if (volume.pivot_to && !job) co_await resolve_pivot(volume);
  const bool was_late = volume.late && !volume.untried;
  if (!was_late || !all.find(volume.name)->error.empty()) co_return Outcome::kActive;
  log_info("volume '" + volume.name + "' is active now: its disks are there");
  publish_change(events_, *all.find(volume.name), {{"change", "activated"}});
  if (job) job->kick();
  co_return Outcome::kActive;
}

// A state file of 0.1 has such a link: it becomes the volume's own.
awaitable<void> VolumeActivator::rename_disk(ManagedVolume volume) {
  core::Worker worker;
  auto find_name = [volume]() mutable {
    const io::ProbeResult disk = io::probe(volume.device);
    volume.links = io::partition_links(disk.dev);
    volume.disk = io::identify_disk(volume.device);
    volume.device = io::stable_path(volume.device);
    return volume;
  };
  std::string failed;
  try {
    ManagedVolume renamed = co_await worker.run(std::move(find_name));
    environment_.volumes.add(std::move(renamed));
    co_await keeper_.persist();
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty())
    log_warning("the disk of volume '" + volume.name + "' is not hidden: " + failed);
}

// Its job is gone, since it could not see whether the volume had switched.
awaitable<void> VolumeActivator::resolve_pivot(ManagedVolume volume) {
  volumes::ManagedVolumes& all = environment_.volumes;
  core::Worker worker;
  std::string fault = "the device shows another table";
  try {
    auto ask = [&] { return volumes::lives_on(*environment_.control, volume, *volume.pivot_to); };
    const bool moved = co_await worker.run(std::move(ask));
    if (moved) {
      all.finish_pivot(volume.name);
      publish_change(events_, *all.find(volume.name), {{"change", "moved"}});
      fault.clear();
      co_await keeper_.persist();
    }
  } catch (const std::exception& error) {
    fault = error.what();
  }
  if (fault.empty()) co_return;
  all.set_error(volume.name, "it lives on " + *volume.pivot_to + " by decision, but " + fault);
  log_error("volume '" + volume.name + "': " + all.find(volume.name)->error);
}

awaitable<VolumeActivator::Attempt> VolumeActivator::attempt(ManagedVolume volume,
                                                             IfScratchIsLate if_late) {
  core::Worker worker;
  Attempt result;
  try {
    if (volume.tracking) {
      co_await trackers_.activate(volume, if_late);
    } else {
      auto call = [&] {
        return volumes::activate(*environment_.control, environment_.ledger, volume);
      };
      const bool as_stored = co_await worker.run(std::move(call));
      if (!as_stored) environment_.volumes.set_overlay(volume.name, std::nullopt);
    }
  } catch (const volumes::ScratchIsLate& error) {
    result = {.error = error.what(), .scratch_is_late = true};
  } catch (const std::exception& error) {
    result = {.error = error.what()};
  }
  if (!result.error.empty()) result.absent = co_await is_absent(volume.name);
  co_return result;
}

awaitable<bool> VolumeActivator::is_absent(std::string name) {
  core::Worker worker;
  try {
    auto ask = [&] { return !environment_.control->find(name); };
    const bool absent = co_await worker.run(std::move(ask));
    co_return absent;
  } catch (const std::exception&) {
    co_return false;
  }
}

}  // namespace dmjob::daemon

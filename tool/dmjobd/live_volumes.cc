// SPDX-License-Identifier: LGPL-2.1-or-later
// The volumes' part of the daemon.
#include <algorithm>
#include <utility>

#include "libjob/core/worker.h"
#include "libjob/drivers/base/volume_group.h"
#include "libjob/drivers/check/attach_check.h"
#include "libjob/drivers/check/taken_by.h"
#include "libjob/io/partition_entry.h"
#include "libjob/io/udev_database.h"
#include "libjob/volumes/late_disks.h"
#include "libjob/volumes/mounted_above.h"
#include "tool/dmjobd/live_daemon.h"
#include "tool/dmjobd/log.h"

namespace dmjob::daemon {

using boost::asio::awaitable;

// At the start, and again while that fails. A volume with a job that had interposed is there
// already, or the job starts over after a reboot.
awaitable<LateVolumes::Outcome> LiveDaemon::activate_volume(volumes::ManagedVolume volume,
                                                            volumes::IfScratchIsLate if_late) {
  using Outcome = LateVolumes::Outcome;
  const Attempt attempt = co_await try_activate(volume, if_late);
  if (!attempt.error.empty()) {
    if (attempt.error != volume.error)
      log_error("volume '" + volume.name + "' is not active: " + attempt.error);
    volumes_.set_late(volume.name, attempt.error, attempt.absent);
    co_return attempt.scratch_is_late ? Outcome::kScratchIsLate : Outcome::kNotActive;
  }
  volumes_.set_active(volume.name);
  if (io::is_link_of_contents(volume.device)) co_await rename_disk(volume);
  const auto job = registry_.holder(volume.name);
  if (volume.pivot_to && !job) co_await settle_pivot(volume);
  const bool was_late = volume.late && !volume.untried;
  if (!was_late || !volumes_.find(volume.name)->error.empty()) co_return Outcome::kActive;
  log_info("volume '" + volume.name + "' is active now: its disks are there");
  publish_change(volume.name, "activated", volumes_.find(volume.name)->device);
  if (job) job->kick();
  co_return Outcome::kActive;
}

// Of a state file of 0.1: the link becomes the volume's own.
awaitable<void> LiveDaemon::rename_disk(volumes::ManagedVolume volume) {
  core::Worker worker;
  auto look = [volume]() mutable {
    const io::ProbeResult disk = io::probe(volume.device);
    volume.links = io::partition_links(disk.dev);
    volume.disk = io::identify_disk(volume.device);
    volume.device = volumes::stable_path(volume.device);
    return volume;
  };
  std::string failed;
  try {
    volumes::ManagedVolume renamed = co_await worker.run(std::move(look));
    volumes_.add(std::move(renamed));
    co_await keeper_.persist();
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty())
    log_warning("the disk of volume '" + volume.name + "' is not hidden: " + failed);
}

// Its job is gone, since it could not see whether the volume had switched.
awaitable<void> LiveDaemon::settle_pivot(volumes::ManagedVolume volume) {
  core::Worker worker;
  std::string trouble = "the device shows another table";
  try {
    auto look = [&] { return volumes::lives_on(*control_, volume, *volume.pivot_to); };
    const bool moved = co_await worker.run(std::move(look));
    if (moved) {
      volumes_.finish_pivot(volume.name);
      publish_change(volume.name, "moved", *volume.pivot_to);
      trouble.clear();
      co_await keeper_.persist();
    }
  } catch (const std::exception& error) {
    trouble = error.what();
  }
  if (trouble.empty()) co_return;
  volumes_.set_error(volume.name,
                     "it lives on " + *volume.pivot_to + " by decision, but " + trouble);
  log_error("volume '" + volume.name + "': " + volumes_.find(volume.name)->error);
}

awaitable<LiveDaemon::Attempt> LiveDaemon::try_activate(volumes::ManagedVolume volume,
                                                        volumes::IfScratchIsLate if_late) {
  core::Worker worker;
  Attempt attempt;
  try {
    if (volume.tracking) {
      co_await trackers_.activate(volume, if_late);
    } else {
      auto call = [&] { return volumes::activate(*control_, environment_.ledger, volume); };
      const bool as_stored = co_await worker.run(std::move(call));
      if (!as_stored) volumes_.set_overlay(volume.name, std::nullopt);
    }
  } catch (const volumes::ScratchIsLate& error) {
    attempt = {.error = error.what(), .scratch_is_late = true};
  } catch (const std::exception& error) {
    attempt = {.error = error.what()};
  }
  if (!attempt.error.empty()) attempt.absent = co_await is_absent(volume.name);
  co_return attempt;
}

awaitable<bool> LiveDaemon::is_absent(std::string name) {
  core::Worker worker;
  try {
    auto look = [&] { return !control_->find(name); };
    const bool absent = co_await worker.run(std::move(look));
    co_return absent;
  } catch (const std::exception&) {
    co_return false;
  }
}

dm::Control& LiveDaemon::control_or_refuse() const {
  if (!control_) throw core::Error("this kernel has no device-mapper (modprobe dm-mod)");
  return *control_;
}

void LiveDaemon::publish_change(const std::string& name, const char* change,
                                const std::string& device) {
  events_.publish("VOLUME_CHANGE", {{"name", name}, {"change", change}, {"device", device}});
}

awaitable<void> LiveDaemon::forget_volume(std::string name) {
  volumes_.remove(name);
  co_await keeper_.persist();
}

awaitable<void> LiveDaemon::overlay(drivers::OverlayRequest request, Wanted wanted) {
  co_await late_.all_tried();
  co_await overlays_.overlay(std::move(request), std::move(wanted));
}

awaitable<void> LiveDaemon::snapshot(drivers::OverlayRequest request, Wanted wanted) {
  co_await late_.all_tried();
  co_await overlays_.snapshot(std::move(request), std::move(wanted));
}

// The intent is durable before the device is made.
awaitable<void> LiveDaemon::attach(std::string name, std::string device, Wanted wanted) {
  control_or_refuse();
  co_await late_.all_tried();
  auto hold = co_await locks_.acquire(name, "attach", drivers::kSlotPatience);
  if (volumes_.find(name)) throw core::Error("volume '" + name + "' exists already");
  auto check = [&](const drivers::CheckContext& context) {
    return drivers::check_attach(name, device, context);
  };
  volumes::ManagedVolume volume = co_await taken_.check(check, wanted);
  const auto token = taken_.hold(drivers::holding_of(volume));
  volumes_.add(volume);
  std::string failed;
  try {
    co_await keeper_.persist();
    const Attempt attempt = co_await try_activate(volume, volumes::IfScratchIsLate::kWait);
    failed = attempt.error;
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) {
    co_await forget_volume(name);
    throw core::Error("volume '" + name + "' was not attached: " + failed);
  }
  publish_change(name, "attached", volume.device);
}

awaitable<std::string> LiveDaemon::detach(std::string name, bool force, Wanted wanted) {
  auto hold = co_await locks_.acquire(name, "detach", drivers::kSlotPatience);
  wanted.require();
  const volumes::ManagedVolume* volume = volumes_.find(name);
  if (!volume) throw core::Error("volume '" + name + "' is not managed by dmjob");
  if (auto job = registry_.holder(name))
    throw core::Error("volume '" + name + "' is in use by job '" + job->id() + "': end it first");
  if (volume->overlay && !force)
    throw core::Error(
        "volume '" + name + "' cannot be detached: what was written to it is in " +
        volume->overlay->cow.place.describe() + "; " +
        (volume->overlay->read_only ? "stream it first" : "commit it or roll it back first") +
        ", or --force throws that away");
  const std::string lost = volume->overlay ? overlays_.loss(*volume) : "";
  const volumes::ManagedVolume gone = *volume;
  if (control_) {
    core::Worker worker;
    auto remove = [&] { volumes::deactivate(*control_, environment_.ledger, gone); };
    co_await worker.run(std::move(remove));
  }
  if (gone.overlay) co_await overlays_.throw_away(gone);
  co_await forget_volume(name);
  publish_change(name, "detached", gone.device);
  co_return lost;
}

// Its contents are seen again from the write of the state file on.
awaitable<std::string> LiveDaemon::release(std::string device) {
  core::Worker worker;
  auto look = [&] {
    return volumes::is_there(device) ? io::identify_disk(device) : io::DiskIdentity{};
  };
  const io::DiskIdentity disk = co_await worker.run(std::move(look));
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

awaitable<nlohmann::json> LiveDaemon::query_not_frozen(std::string device) {
  dm::Control& control = control_or_refuse();
  core::Worker worker;
  auto look = [&] {
    const std::string volume = volumes::volume_at(device);
    if (volume.empty()) return std::vector<std::string>();
    if (!control.find(volume)) throw core::Error("Cannot find volume '" + volume + "'");
    return volumes::not_frozen_with(control, volume);
  };
  const std::vector<std::string> lines = co_await worker.run(std::move(look));
  co_return lines;
}

nlohmann::json LiveDaemon::query_volumes() {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [name, volume] : volumes_.all()) {
    nlohmann::json entry{{"name", name},
                         {"device", volume.device},
                         {"size", volume.sectors * 512},
                         {"managed", true},
                         {"active", volume.error.empty()}};
    if (volume.untried) entry["activating"] = true;
    if (!volume.error.empty()) entry["error"] = volume.error;
    if (auto who = flushes_.trouble(name); !who.empty()) entry["swallows-flushes"] = who;
    if (auto job = registry_.holder(name)) entry["job"] = job->id();
    if (volume.overlay) entry["overlay"] = overlays_.describe(volume);
    if (volume.tracking) entry["tracking"] = trackers_.describe(volume);
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace dmjob::daemon

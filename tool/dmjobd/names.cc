// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/names.h"

#include <algorithm>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/io/udev_database.h"
#include "libjob/volumes/boot_lines.h"
#include "tool/dmjobd/log.h"

namespace dmjob::daemon {

using volumes::HiddenDisk;

namespace {

// dmjob 0.1 may know a disk by such a link, which it would not find once it is hidden.
void append(std::vector<HiddenDisk>& disks, HiddenDisk disk) {
  if (!io::is_link_of_contents(disk.path)) disks.push_back(std::move(disk));
}

void append_all(std::vector<HiddenDisk>& disks, const drivers::Holding& holding) {
  for (const drivers::Use& use : holding.uses)
    if (use.receives)
      append(disks,
             {.path = use.path, .disk = use.disk, .volume = holding.volume, .role = use.role});
}

void append_all(std::vector<HiddenDisk>& disks, const volumes::ManagedVolume& volume) {
  HiddenDisk disk{
      .path = volume.device, .disk = volume.disk, .volume = volume.name, .role = "disk"};
  append(disks, disk);
  disk.path = volume.pivot_to.value_or("");
  disk.disk = volume.pivot_disk;
  append(disks, disk);
}

}  // namespace

void Names::follow() {
  std::vector<HiddenDisk> disks;
  for (const auto& [name, volume] : volumes_.all()) append_all(disks, volume);
  for (const drivers::Holding& holding : taken_.by_jobs()) append_all(disks, holding);
  hidden_.follow(disks, volumes_);
}

Names::View Names::view() const {
  View view{.disks = hidden_.all(), .links = {}};
  for (const auto& [name, volume] : volumes_.all())
    if (!volume.links.empty()) view.links.push_back({volume.uuid, volume.links});
  return view;
}

Names::View Names::both(const View& one, const View& other) {
  View all = other;
  for (HiddenDisk& disk : volumes::without(one.disks, other.disks))
    all.disks.push_back(std::move(disk));
  for (const volumes::VolumeLinks& links : one.links)
    if (std::ranges::find(all.links, links) == all.links.end()) all.links.push_back(links);
  return all;
}

// On a worker.
void Names::apply(const View& before, const View& now) {
  try {
    if (!rules_.write(volumes::hiding_rules(now.disks, now.links))) return;
  } catch (const std::system_error& error) {
    throw core::Error("udev's rules in " + folder_ +
                      ", which hide the disks of volumes, cannot be written: " + error.what());
  }
  const std::vector<HiddenDisk> added = volumes::without(now.disks, before.disks);
  for (const HiddenDisk& disk : added) look_again(disk.path);
  for (const HiddenDisk& disk : added)
    if (disk.role != "old disk") await_hidden(disk.path);
  for (const HiddenDisk& disk : volumes::without(before.disks, now.disks)) look_again(disk.path);
}

StateKeeper::Around Names::around() {
  View now = view();
  if (now == durable_) return {};
  auto before = [this, was = durable_, now] { apply(was, both(was, now)); };
  auto after = [this, was = durable_, now] { apply(both(was, now), now); };
  auto done = [this, now] { durable_ = now; };
  return {.before = std::move(before), .after = std::move(after), .done = std::move(done)};
}

boost::asio::awaitable<void> Names::begin() {
  follow();
  durable_ = view();
  std::string failed;
  try {
    auto call = [this] { apply({}, durable_); };
    co_await worker_.run(std::move(call));
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) log_error(failed);
}

HiddenDisk Names::release(const std::string& path, const io::DiskIdentity& disk) {
  if (auto released = hidden_.release(path, disk)) return *released;
  const HiddenDisk wanted{.path = path, .disk = disk, .volume = {}, .role = {}};
  for (const HiddenDisk& one : hidden_.all()) {
    const bool is_it = one.path == path || volumes::is_same_disk(one, wanted);
    if (is_it)
      throw core::Error(path + " is in use, as the " + one.role + " of " +
                        (one.volume.empty() ? "a job" : "volume '" + one.volume + "'") +
                        ": it cannot be released");
  }
  throw core::Error(path + " is not hidden: 'dmjob volumes' shows the disks that are");
}

nlohmann::json Names::describe() const {
  nlohmann::json list = nlohmann::json::array();
  for (const HiddenDisk& disk : hidden_.all()) {
    nlohmann::json entry{{"device", disk.path}, {"volume", disk.volume}, {"role", disk.role}};
    if (!io::tells_who_it_is(disk.disk)) entry["until-reboot"] = true;
    list.push_back(std::move(entry));
  }
  return list;
}

boost::asio::awaitable<nlohmann::json> Names::boot_warnings() const {
  core::Worker worker;
  const std::vector<HiddenDisk> disks = hidden_.all();
  auto look = [&] { return volumes::boot_warnings(volumes::boot_lines(), disks); };
  const std::vector<std::string> warnings = co_await worker.run(std::move(look));
  co_return warnings;
}

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/late_volumes.h"

#include <utility>

#include "libjob/drivers/base/volume_group.h"
#include "libjob/volumes/late_disks.h"

namespace dmjob::daemon {

using boost::asio::awaitable;
using volumes::IfScratchIsLate;
using volumes::ManagedVolume;

namespace {

constexpr core::Duration kEvery = std::chrono::seconds(1);
constexpr core::Duration kTryEvery = std::chrono::seconds(30);
// A mount that waits for the volume gives up after 90 seconds, systemd's default.
constexpr core::Duration kScratchTimeout = std::chrono::seconds(30);
// How long everybody else waits for a volume whose disk hangs.
constexpr core::Duration kTimeout = std::chrono::seconds(30);

}  // namespace

LateVolumes::LateVolumes(drivers::Environment& environment, Activate activate)
    : environment_(environment),
      activate_(std::move(activate)),
      watch_(environment.executor, environment.clock, environment.volumes, duty()),
      tried_(environment.executor) {}

void LateVolumes::begin() {
  std::vector<std::string> names;
  for (const auto& [name, volume] : environment_.volumes.all()) names.push_back(name);
  for (const std::string& name : names) environment_.volumes.set_untried(name);
  deadline_ = environment_.clock.now() + kTimeout;
}

std::vector<std::string> LateVolumes::untried() const {
  std::vector<std::string> names;
  for (const auto& [name, volume] : environment_.volumes.all())
    if (volume.untried) names.push_back(name);
  return names;
}

awaitable<std::vector<std::string>> LateVolumes::all_tried() {
  std::vector<std::string> left = untried();
  while (!left.empty() && environment_.clock.now() < deadline_) {
    co_await tried_.wait_for(deadline_ - environment_.clock.now());
    left = untried();
  }
  co_return left;
}

VolumeWatch<LateVolumes::Watched>::Duty LateVolumes::duty() {
  auto includes = [](const ManagedVolume& volume) { return volume.late; };
  auto poll_one = [this](std::string name, Watched& watched) {
    return poll(std::move(name), watched);
  };
  return {.every = kEvery, .subject = "", .includes = includes, .poll = poll_one};
}

awaitable<Poll> LateVolumes::poll(std::string name, Watched& watched) {
  const ManagedVolume* found = environment_.volumes.find(name);
  if (!found) co_return Poll::kWell;
  const ManagedVolume volume = *found;
  auto read = [&] { return volumes::path_signature(volume); };
  const std::string signature = co_await watched.worker.run(std::move(read));
  const bool due = environment_.clock.now() >= watched.next_try;
  if (signature == watched.signature && !due) co_return Poll::kNotTried;
  watched.signature = signature;
  watched.next_try = environment_.clock.now() + kTryEvery;
  co_await try_it(name, watched);
  co_return Poll::kWell;
}

// Another client may have been quicker: detached it, or attached another of that name.
awaitable<void> LateVolumes::try_it(std::string name, Watched& watched) {
  auto hold = co_await environment_.locks.acquire(name, "activation", drivers::kSlotPatience);
  const ManagedVolume* found = environment_.volumes.find(name);
  if (!found || !found->late) co_return;
  const core::TimePoint now = environment_.clock.now();
  IfScratchIsLate if_late = IfScratchIsLate::kWait;
  if (watched.scratch_deadline && now >= *watched.scratch_deadline)
    if_late = IfScratchIsLate::kBreakChain;
  const Outcome outcome = co_await activate_(*found, if_late);
  tried_.notify();
  if (outcome != Outcome::kScratchIsLate || watched.scratch_deadline) co_return;
  watched.scratch_deadline = now + kScratchTimeout;
  watched.next_try = *watched.scratch_deadline;
}

std::string LateVolumes::obstacle(const core::Job& job) const {
  const std::vector<std::string> left = untried();
  if (!left.empty() && environment_.clock.now() < deadline_)
    return "volume '" + left.front() + "' is being activated";
  for (const std::string& claim : job.options().claims) {
    const ManagedVolume* volume = environment_.volumes.find(claim);
    if (volume && volume->late && (volume->absent || volume->untried))
      return "volume '" + claim + "' is not active: " + volume->error;
  }
  return "";
}

}  // namespace dmjob::daemon

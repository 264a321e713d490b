// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The daemon's side of overlays on a fake kernel and loop devices, with its state file. As root.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libjob/core/error.h"
#include "tests/support/test_environment.h"
#include "tests/support/toy_driver.h"
#include "tests/volumes/overlay_fixture.h"
#include "tool/dmjobd/overlays.h"

namespace dmjob::daemon {

class OverlaysTest : public volumes::OverlayStory {
 protected:
  OverlaysTest() {
    events.subscribe([this](const core::Event& event) { told.push_back(event.data); });
    // As the kernel does: a loop device that nobody has open is another test's soon.
    kernel.before_create([this](const dm::NewDevice& device) {
      if (device.name == dm::OverlayStack::cow_name("vol") && has_cow())
        user_of_cow = io::LoopDevice::over(folder.path("cow"));
    });
  }
  ~OverlaysTest() override {
    overlays.stop();
    reactor.run_until([this] { return !watching && overlays.idle(); });
  }

  // --- doing; each tells what was refused, "" for nothing ---

  std::string overlay() { return run(overlays.overlay(request(disk.path()), {})); }
  std::string snapshot() { return run(overlays.snapshot(request(""), {})); }
  std::string rollback() { return run(overlays.rollback("vol", {})); }
  // A volume of ours on the disk; by its number something can be opened.
  void attach() {
    add_volume();
    lower.emplace(folder.path("lower"), kSize);
    kernel.set_number("vol", lower->dev());
    volumes::ManagedVolume plain = volume;
    plain.overlay.reset();
    managed.add(plain);
  }
  void begin_watch() {
    watching = true;
    reactor.begin(watch());
  }
  void start_job() {
    job = core::Job::create(host, {.id = "j7", .claims = {"vol"}},
                            std::make_unique<test::ToyDriver>(toy));
    registry.add(job);
    job->start();
    reactor.settle();
  }
  void break_state_file() const { std::filesystem::remove_all(folder.path("state")); }

  // --- what came of it ---

  // The volume, for the stage, as the daemon has it.
  const volumes::ManagedVolume& adopt() {
    volume = *managed.find("vol");
    return volume;
  }
  bool has_told(const std::string& change) const {
    return std::ranges::any_of(told, [&](const auto& data) { return data["change"] == change; });
  }
  nlohmann::json about() { return overlays.describe(*managed.find("vol")); }
  bool is_stored_as_replaced() const {
    std::ifstream stored(folder.path("state") + "/state.json");
    const auto volumes = nlohmann::json::parse(stored)["content"]["volumes"];
    return volumes[0]["overlay"]["replaced"] == true;
  }
  bool has_cow() const { return std::filesystem::exists(folder.path("cow")); }
  // Where in the kernel's log a line comes first; its size if it is not there.
  std::size_t at(const std::string& line) const {
    const auto log = kernel.log();
    return static_cast<std::size_t>(std::ranges::find(log, line) - log.begin());
  }

  test::TestEnvironment base{kernel, ledger};
  test::Reactor& reactor = base.reactor;
  test::FakeClock& clock = base.clock;
  core::EventBus& events = base.events;
  volumes::ManagedVolumes& managed = base.volumes;
  drivers::Environment& environment = base.environment;
  core::Registry registry;
  store::StateFile file{folder.path("state")};
  StateKeeper keeper{reactor.executor(), file, [this] { return state(); }};
  TakenTable taken{registry, environment};
  Overlays overlays{environment, registry, events, keeper, taken};
  std::vector<nlohmann::json> told;
  bool watching = false;

 private:
  drivers::OverlayRequest request(const std::string& backing) const {
    return {.name = "vol", .backing = backing, .target = {}, .scratch = folder.path("cow")};
  }
  std::string state() {
    const volumes::ManagedVolume* found = managed.find("vol");
    const bool holds = found && found->overlay;
    kernel.note("store " + (holds ? found->overlay->record()["stage"].get<std::string>() : "none"));
    return nlohmann::json{{"volumes", managed.record()}}.dump();
  }
  std::string run(boost::asio::awaitable<void> request) {
    try {
      reactor.run(std::move(request));
    } catch (const std::exception& error) {
      return error.what();
    }
    return "";
  }
  boost::asio::awaitable<void> watch() {
    co_await overlays.watch();
    watching = false;
  }

  std::optional<test::LoopDisk> lower;
  std::shared_ptr<test::Toy> toy = std::make_shared<test::Toy>();
  core::JobHost host{reactor.executor(), events, [] { return nothing(); }, [] {},
                     [](core::Job&) {}};
  static boost::asio::awaitable<void> nothing() { co_return; }
  std::shared_ptr<core::Job> job;
};

}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/late_volumes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_ledger.h"
#include "tests/support/reactor.h"
#include "tests/support/temp_folder.h"
#include "tests/support/toy_driver.h"

namespace dmjob::daemon {
namespace {

using boost::asio::awaitable;
using volumes::IfScratchIsLate;
using Outcome = LateVolumes::Outcome;
using namespace std::chrono_literals;

class LateVolumesTest : public testing::Test {
 protected:
  LateVolumesTest() {
    volumes::ManagedVolume volume;
    volume.name = "data";
    volume.device = folder_.path("disk");
    volumes_.add(volume);
    volumes_.set_late("data", "no disk", true);
  }
  awaitable<Outcome> activate(volumes::ManagedVolume volume, IfScratchIsLate if_late) {
    tries_.push_back(if_late);
    if (outcome_ == Outcome::kActive)
      volumes_.set_active(volume.name);
    else
      volumes_.set_late(volume.name, "no disk", true);
    co_return outcome_;
  }
  // A look, so much later. A watch begins with one.
  void look_after(core::Duration time) {
    clock_.advance(time);
    reactor_.begin(late_.watch());
    reactor_.run_until([&] { return late_.idle(); });
  }
  void make_disk() const { std::ofstream(folder_.path("disk")).put('x'); }

  test::Reactor reactor_;
  test::FakeClock clock_;
  test::TempFolder folder_;
  dm::FakeControl kernel_;
  dm::FakeLedger ledger_{kernel_};
  core::VolumeLocks locks_{reactor_.executor(), clock_};
  core::Signal dm_events_{reactor_.executor()};
  volumes::ManagedVolumes volumes_;
  drivers::Environment environment_{.executor = reactor_.executor(),
                                    .control = &kernel_,
                                    .ledger = ledger_,
                                    .clock = clock_,
                                    .locks = locks_,
                                    .dm_events = dm_events_,
                                    .volumes = volumes_,
                                    .scratch_folder = "",
                                    .state_folder = "",
                                    .memory_folder = ""};
  std::vector<IfScratchIsLate> tries_;
  Outcome outcome_ = Outcome::kNotActive;
  LateVolumes late_{environment_, [this](volumes::ManagedVolume volume, IfScratchIsLate if_late) {
                      return activate(std::move(volume), if_late);
                    }};
};

TEST_F(LateVolumesTest, IsTriedWhenItsDisksHaveChangedAndEachHalfMinute) {
  look_after(1s);
  EXPECT_EQ(tries_.size(), 1U);
  look_after(1s);
  look_after(27s);
  EXPECT_EQ(tries_.size(), 1U);
  make_disk();
  look_after(1s);
  EXPECT_EQ(tries_.size(), 2U);
  look_after(29s);
  EXPECT_EQ(tries_.size(), 2U);
  look_after(1s);
  EXPECT_EQ(tries_.size(), 3U);
  std::filesystem::remove(folder_.path("disk"));
  look_after(1s);
  EXPECT_EQ(tries_.size(), 4U);
}

TEST_F(LateVolumesTest, IsLeftAloneOnceItIsActive) {
  outcome_ = Outcome::kActive;
  look_after(1s);
  make_disk();
  look_after(60s);
  EXPECT_EQ(tries_.size(), 1U);
}

TEST_F(LateVolumesTest, IsNotTriedWhileSomebodyChangesItNorIfThatTookItAway) {
  std::optional<core::VolumeLocks::Hold> hold;
  auto take = [&]() -> awaitable<void> {
    auto mine = co_await locks_.acquire("data", "detach", 1s);
    hold.emplace(std::move(mine));
  };
  reactor_.run(take());
  reactor_.begin(late_.watch());
  reactor_.run_until([&] { return !late_.idle(); });
  volumes_.remove("data");
  EXPECT_EQ(tries_.size(), 0U);
  hold.reset();
  reactor_.run_until([&] { return late_.idle(); });
  EXPECT_EQ(tries_.size(), 0U);
}

TEST_F(LateVolumesTest, AScratchIsWaitedForForHalfAMinuteFromWhenItAloneIsMissing) {
  look_after(1s);
  look_after(100s);
  outcome_ = Outcome::kScratchIsLate;
  make_disk();
  look_after(1s);
  look_after(29s);
  EXPECT_EQ(tries_, std::vector(3, IfScratchIsLate::kWait));
  look_after(1s);
  ASSERT_EQ(tries_.size(), 4U);
  EXPECT_EQ(tries_.back(), IfScratchIsLate::kBreakChain);
}

TEST_F(LateVolumesTest, IsInTheWayOfItsJobsWhileTheKernelDoesNotHaveIt) {
  core::EventBus events;
  core::JobHost host{reactor_.executor(), events, {}, {}, {}, {}};
  const auto driver = [] {
    return std::make_unique<test::ToyDriver>(std::make_shared<test::Toy>());
  };
  const auto job = core::Job::create(host, {.id = "j", .claims = {"8:0", "data"}}, driver());
  const auto other = core::Job::create(host, {.id = "k", .claims = {"8:16", "home"}}, driver());
  EXPECT_EQ(late_.obstacle(*job), "volume 'data' is not active: no disk");
  EXPECT_EQ(late_.obstacle(*other), "");
  volumes_.set_late("data", "no scratch", false);
  EXPECT_EQ(late_.obstacle(*job), "");
  volumes_.set_active("data");
  EXPECT_EQ(late_.obstacle(*job), "");
}

TEST_F(LateVolumesTest, AtTheStartEverybodyWaitsUntilEachHasBeenTried) {
  core::EventBus events;
  core::JobHost host{reactor_.executor(), events, {}, {}, {}, {}};
  const auto job =
      core::Job::create(host, {.id = "k", .claims = {"home"}},
                        std::make_unique<test::ToyDriver>(std::make_shared<test::Toy>()));
  late_.begin();
  EXPECT_TRUE(volumes_.find("data")->untried);
  EXPECT_EQ(late_.obstacle(*job), "volume 'data' is being activated");
  std::optional<std::vector<std::string>> left;
  auto wait = [&]() -> awaitable<void> { left = co_await late_.all_tried(); };
  reactor_.begin(wait());
  look_after(1s);
  reactor_.run_until([&] { return left.has_value(); });
  EXPECT_TRUE(left->empty());
  EXPECT_EQ(late_.obstacle(*job), "");
}

TEST_F(LateVolumesTest, OneWhoseDiskHangsIsWaitedForForHalfAMinuteByOthersAndForEverByItsOwnJobs) {
  core::EventBus events;
  core::JobHost host{reactor_.executor(), events, {}, {}, {}, {}};
  const auto driver = [] {
    return std::make_unique<test::ToyDriver>(std::make_shared<test::Toy>());
  };
  const auto job = core::Job::create(host, {.id = "j", .claims = {"data"}}, driver());
  const auto other = core::Job::create(host, {.id = "k", .claims = {"home"}}, driver());
  late_.begin();
  clock_.advance(30s);
  std::vector<std::string> left;
  auto wait = [&]() -> awaitable<void> { left = co_await late_.all_tried(); };
  reactor_.run(wait());
  EXPECT_EQ(left, std::vector<std::string>{"data"});
  EXPECT_EQ(late_.obstacle(*other), "");
  EXPECT_EQ(late_.obstacle(*job), "volume 'data' is not active: it is being activated");
}

}  // namespace
}  // namespace dmjob::daemon

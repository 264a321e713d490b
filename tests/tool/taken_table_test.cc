// SPDX-License-Identifier: LGPL-2.1-or-later
// Checking and taking are one step, although the checks run beside the reactor.
#include "tool/dmjobd/taken_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "tests/support/fake_control.h"
#include "tests/support/fake_ledger.h"
#include "tests/support/test_environment.h"
#include "tests/support/toy_driver.h"

namespace dmjob::daemon {
namespace {

drivers::Holding holding(const std::string& owner) {
  return {.owner = owner, .volume = {}, .uses = {{.role = "scratch", .path = "/s"}}};
}

class TakenTableTest : public testing::Test {
 protected:
  // Of everything that a check sees: "job 'j1', volume 'v'".
  static std::string owners(const drivers::CheckContext& context) {
    std::string all;
    for (const drivers::Holding& holder : context.taken)
      all += (all.empty() ? "" : ", ") + holder.owner;
    return all;
  }

  dm::FakeControl kernel;
  dm::FakeLedger ledger{kernel};
  test::TestEnvironment base{kernel, ledger};
  test::Reactor& reactor = base.reactor;
  core::EventBus& events = base.events;
  volumes::ManagedVolumes& volumes = base.volumes;
  core::Registry registry;
  TakenTable table{registry, base.environment};
};

TEST_F(TakenTableTest, WhatIsBeingMadeIsTakenAsLongAsItsToken) {
  auto token = table.hold(holding("one"));
  EXPECT_EQ(owners(table.now()), "one");
  token.reset();
  EXPECT_EQ(owners(table.now()), "");
}

TEST_F(TakenTableTest, VolumesHaveTheirDisksWhetherTheyAreActiveOrNot) {
  volumes::ManagedVolume volume;
  volume.name = "v";
  volume.device = "/dev/late";
  volumes.add(volume);
  volumes.set_late("v", "it is not there", true);
  EXPECT_EQ(owners(table.now()), "volume 'v'");
  EXPECT_EQ(table.now().taken.front().uses.front().path, "/dev/late");
}

TEST_F(TakenTableTest, AJobHasItsDisksUntilItIsConcluded) {
  core::JobHost host{reactor.executor(), events,
                     []() -> boost::asio::awaitable<void> { co_return; }, [] {}, [](core::Job&) {}};
  auto toy = std::make_shared<test::Toy>();
  auto job = core::Job::create(host, {.id = "j", .auto_dismiss = false},
                               std::make_unique<test::ToyDriver>(toy));
  registry.add(job);
  table.keep("j", holding("job 'j'"));
  EXPECT_EQ(owners(table.now()), "job 'j'");
  job->start();
  reactor.settle();
  job->cancel(true);
  reactor.run_until([&] { return !job->holds_claims(); });
  EXPECT_EQ(owners(table.now()), "");
}

// Somebody takes something while a check looks at disks: it looks again, and sees it.
TEST_F(TakenTableTest, ACheckCountsOnlyIfNothingWasTakenMeanwhile) {
  std::atomic<int> looks = 0;
  std::latch go_on(1);
  std::string seen = "nothing";
  auto check = [&](const drivers::CheckContext& context) {
    if (++looks == 1) go_on.wait();
    return owners(context);
  };
  auto request = [&]() -> boost::asio::awaitable<void> { seen = co_await table.check(check, {}); };
  reactor.begin(request());
  reactor.run_until([&] { return looks == 1; });
  const auto token = table.hold(holding("the quicker one"));
  go_on.count_down();
  reactor.run_until([&] { return seen != "nothing"; });
  EXPECT_EQ(seen, "the quicker one");
  EXPECT_EQ(looks, 2);
}

}  // namespace
}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/volume_watch.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/reactor.h"

namespace dmjob::daemon {
namespace {

using boost::asio::awaitable;
using namespace std::chrono_literals;

struct Counted : WatchedVolume {
  int visits = 0;
};

class VolumeWatchTest : public testing::Test {
 protected:
  VolumeWatchTest() {
    for (const char* name : {"one", "two", "broken"}) {
      volumes::ManagedVolume volume;
      volume.name = name;
      volumes_.add(volume);
    }
    volumes_.set_error("broken", "its disk is away");
  }

  awaitable<Poll> poll(std::string name, Counted& watched) {
    ++watched.visits;
    if (stuck_.contains(name)) co_await release_.wait();
    if (!fault_.empty()) throw std::runtime_error(fault_);
    co_return outcome_;
  }

  VolumeWatch<Counted>::Duty duty() {
    return {.every = 10s,
            .subject = "its watch: ",
            .includes = [](const volumes::ManagedVolume& volume) { return volume.error.empty(); },
            .poll = [this](std::string name,
                           Counted& watched) { return poll(std::move(name), watched); }};
  }

  // What is logged while all volumes are visited, at the next time that they are due.
  std::string next_round() {
    clock_.advance(10s);
    testing::internal::CaptureStderr();
    watch_.poll_all();
    reactor_.settle();
    return testing::internal::GetCapturedStderr();
  }
  int visits(const std::string& name) const {
    return watch_.find(name) ? watch_.find(name)->visits : 0;
  }

  test::Reactor reactor_;
  test::FakeClock clock_;
  volumes::ManagedVolumes volumes_;
  core::Signal release_{reactor_.executor()};
  std::set<std::string> stuck_;
  std::string fault_;
  Poll outcome_ = Poll::kWell;
  VolumeWatch<Counted> watch_{reactor_.executor(), clock_, volumes_, duty()};
};

TEST_F(VolumeWatchTest, VisitsEachOfItsVolumesWhenItsTimeHasCome) {
  next_round();
  clock_.advance(9s);
  watch_.poll_all();
  reactor_.settle();
  EXPECT_EQ(visits("one"), 1);
  clock_.advance(1s);
  watch_.poll_all();
  reactor_.settle();
  EXPECT_EQ(visits("one"), 2);
  EXPECT_EQ(visits("two"), 2);
  EXPECT_EQ(watch_.find("broken"), nullptr);
}

TEST_F(VolumeWatchTest, AVisitThatHangsKeepsOnlyItsOwnVolume) {
  stuck_ = {"one"};
  next_round();
  next_round();
  EXPECT_EQ(visits("one"), 1);
  EXPECT_EQ(visits("two"), 2);
  EXPECT_FALSE(watch_.idle());
  stuck_.clear();
  release_.notify();
  reactor_.settle();
  EXPECT_TRUE(watch_.idle());
  next_round();
  EXPECT_EQ(visits("one"), 2);
}

TEST_F(VolumeWatchTest, ATroubleIsSaidOnceAndKeptUntilItIsOver) {
  volumes_.remove("two");
  fault_ = "no room";
  EXPECT_EQ(next_round(), "dmjobd: volume 'one': its watch: no room\n");
  EXPECT_EQ(next_round(), "");
  EXPECT_EQ(watch_.find("one")->fault, "no room");
  fault_ = "";
  outcome_ = Poll::kNotTried;
  EXPECT_EQ(next_round(), "");
  EXPECT_EQ(watch_.find("one")->fault, "no room");
  outcome_ = Poll::kWell;
  EXPECT_EQ(next_round(), "");
  EXPECT_EQ(watch_.find("one")->fault, "");
  fault_ = "no room";
  EXPECT_EQ(next_round(), "dmjobd: volume 'one': its watch: no room\n");
}

TEST_F(VolumeWatchTest, AVolumeThatIsNoneOfItsAnyMoreIsForgottenAlsoWhileItIsVisited) {
  stuck_ = {"one"};
  next_round();
  volumes_.remove("one");
  volumes_.set_error("two", "its disk is away");
  next_round();
  EXPECT_EQ(watch_.find("one"), nullptr);
  EXPECT_EQ(watch_.find("two"), nullptr);
  release_.notify();
  reactor_.settle();
  EXPECT_TRUE(watch_.idle());
}

TEST_F(VolumeWatchTest, RunsUntilItIsStopped) {
  VolumeWatch<Counted>::Duty often = duty();
  often.every = 1ms;
  VolumeWatch<Counted> watch(reactor_.executor(), clock_, volumes_, often);
  bool ended = false;
  auto run = [&]() -> awaitable<void> {
    co_await watch.run();
    ended = true;
  };
  reactor_.begin(run());
  for (int visits = 1; visits <= 3; ++visits) {
    reactor_.run_until([&] { return watch.find("one")->visits == visits; });
    EXPECT_FALSE(ended);
    clock_.advance(1ms);
  }
  watch.stop();
  reactor_.run_until([&] { return ended; });
}

}  // namespace
}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/event.h"

#include <gtest/gtest.h>

#include <string>

namespace dmjob::core {

// But for their time.
static bool operator==(const Event& one, const Event& other) {
  return one.number == other.number && one.name == other.name && one.data == other.data;
}

namespace {

Event lost(std::uint64_t since, std::uint64_t number) {
  return Event::make(number, "EVENTS_LOST", {{"since", since}}, {});
}

struct Bus : ::testing::Test {
  EventBus::Subscriber note_in(std::string& where) {
    return [&where](const Event& event) { where += event.name; };
  }
  void publish(std::size_t events) {
    for (std::size_t i = 0; i < events; ++i) bus.publish("a", {{"i", i}});
  }
  void restart() { after_restart.restore(nlohmann::json::parse(bus.record())); }
  // "6 7 8"
  static std::string numbers(std::uint64_t after, const EventBus& bus) {
    std::string all;
    for (const Event& event : bus.since(after))
      all += (all.empty() ? "" : " ") + std::to_string(event.number);
    return all;
  }
  std::string numbers(std::uint64_t after) const { return numbers(after, bus); }

  EventBus bus;
  EventBus after_restart;
  std::string first, second;
};

TEST_F(Bus, EverySubscriberGetsEveryEvent) {
  bus.subscribe(note_in(first));
  bus.subscribe(note_in(second));
  bus.publish("a", {});
  bus.publish("b", {});
  EXPECT_EQ(first, "ab");
  EXPECT_EQ(second, "ab");
}

TEST_F(Bus, NoCallFollowsAnUnsubscribe) {
  const auto token = bus.subscribe(note_in(first));
  bus.unsubscribe(token);
  bus.publish("a", {});
  EXPECT_EQ(first, "");
}

TEST_F(Bus, ASubscriberMayLeaveFromWithinItsCall) {
  EventBus::Token token = 0;
  const std::string long_text(100, 'x');
  token = bus.subscribe([&, long_text](const Event&) {
    bus.unsubscribe(token);
    first += long_text;
  });
  bus.subscribe(note_in(second));
  bus.publish("a", {});
  bus.publish("b", {});
  EXPECT_EQ(first, long_text);
  EXPECT_EQ(second, "ab");
}

TEST_F(Bus, ASubscriberMaySendAnotherAway) {
  EventBus::Token other = 0;
  bus.subscribe([&](const Event&) { bus.unsubscribe(other); });
  other = bus.subscribe(note_in(second));
  bus.publish("a", {});
  EXPECT_EQ(second, "");
}

TEST_F(Bus, AnEventFromWithinACallComesSecondForAll) {
  bus.subscribe([&](const Event& event) {
    if (event.name == "a") bus.publish("b", {});
  });
  bus.subscribe(note_in(second));
  bus.publish("a", {});
  EXPECT_EQ(second, "ab");
}

TEST_F(Bus, WhoComesDuringADeliveryGetsOnlyWhatFollows) {
  bus.subscribe([&](const Event& event) {
    if (event.name == "a") bus.subscribe(note_in(second));
  });
  bus.publish("a", {});
  bus.publish("b", {});
  EXPECT_EQ(second, "b");
}

// --- who was away ---

TEST_F(Bus, WhatIsKeptIsGivenByNumber) {
  publish(10);
  EXPECT_EQ(numbers(0), "1 2 3 4 5 6 7 8 9 10");
  EXPECT_EQ(numbers(8), "9 10");
  EXPECT_EQ(numbers(10), "");
}

TEST_F(Bus, WhoWasAwayForTooLongIsTold) {
  publish(EventBus::kKept + 5);
  EXPECT_EQ(bus.since(0).size(), 1 + EventBus::kKept);
  EXPECT_EQ(bus.since(0).front(), lost(0, 5));
  EXPECT_EQ(bus.since(4).front(), lost(4, 5));
  EXPECT_EQ(bus.since(5).front().number, 6U);
  EXPECT_EQ(bus.since(5).size(), EventBus::kKept);
}

TEST_F(Bus, AfterARestartItGoesOnAsIfNothingHadBeen) {
  publish(3);
  bus.close();
  restart();
  after_restart.publish("a", {});
  EXPECT_EQ(numbers(0, after_restart), "1 2 3 4");
  EXPECT_EQ(after_restart.since(2).front().text, bus.since(2).front().text);
}

TEST_F(Bus, TheLastTwoHundredOutliveARestart) {
  publish(EventBus::kStored + 7);
  bus.close();
  restart();
  EXPECT_EQ(after_restart.since(3).front(), lost(3, 7));
  EXPECT_EQ(after_restart.since(7).size(), EventBus::kStored);
}

TEST_F(Bus, NoNumberIsGivenTwiceThoughTheRecordIsOlder) {
  publish(3);
  restart();
  publish(50);
  after_restart.publish("a", {});
  EXPECT_GT(after_restart.last_number(), bus.last_number());
}

TEST_F(Bus, AfterAKillWhatMayBeMissingIsTold) {
  publish(3);
  restart();
  after_restart.publish("a", {});
  const std::uint64_t claimed = 3 + EventBus::kClaimed;
  const std::string both = std::to_string(claimed) + " " + std::to_string(claimed + 1);
  EXPECT_EQ(numbers(2, after_restart), "3 " + both);
  EXPECT_EQ(numbers(17, after_restart), both);
  EXPECT_EQ(after_restart.since(17).front(), lost(3, claimed));
  EXPECT_EQ(numbers(claimed, after_restart), std::to_string(claimed + 1));
}

// --- on the wire ---

TEST(EventAsText, HasQmpsMembersAndANumber) {
  const Event event =
      Event::make(7, "STOP", {{"id", "j\u00e4"}}, std::chrono::microseconds(2'000'003));
  EXPECT_EQ(event.text, R"({"data":{"id":"j\u00e4"},"event":"STOP","number":7,)"
                        R"("timestamp":{"microseconds":3,"seconds":2}})");
}

}  // namespace
}  // namespace dmjob::core

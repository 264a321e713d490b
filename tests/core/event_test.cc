// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/event.h"

#include <gtest/gtest.h>

#include <string>

namespace dmjob::core {
namespace {

struct Bus : ::testing::Test {
  EventBus::Subscriber note_in(std::string& where) {
    return [&where](const Event& event) { where += event.name; };
  }
  EventBus bus;
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

TEST_F(Bus, EventsAreNumberedOnAcrossRestarts) {
  bus.restore_number(41);
  bus.publish("a", {});
  EXPECT_EQ(bus.last_number(), 42U);
  EXPECT_EQ(bus.since(41).front().number, 42U);
}

TEST_F(Bus, TheLastOnesAreKept) {
  for (std::size_t i = 0; i < EventBus::kKept + 5; ++i) bus.publish("a", {});
  EXPECT_EQ(bus.since(0).size(), EventBus::kKept);
  EXPECT_EQ(bus.since(0).front().number, 6U);
  EXPECT_EQ(bus.since(bus.last_number() - 2).size(), 2U);
  EXPECT_TRUE(bus.since(bus.last_number()).empty());
}

TEST(EventAsJson, HasQmpsMembersAndANumber) {
  const Event event{7, "STOP", {{"id", "j"}}, std::chrono::microseconds(2'000'003)};
  EXPECT_EQ(event.to_json(), nlohmann::json({{"event", "STOP"},
                                             {"data", {{"id", "j"}}},
                                             {"timestamp", {{"seconds", 2}, {"microseconds", 3}}},
                                             {"number", 7}}));
}

}  // namespace
}  // namespace dmjob::core

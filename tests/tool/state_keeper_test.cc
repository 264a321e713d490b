// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/state_keeper.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <future>
#include <stdexcept>

#include "tests/support/reactor.h"
#include "tests/support/temp_folder.h"

namespace dmjob::daemon {
namespace {

using testing::HasSubstr;

constexpr core::Duration kLong = std::chrono::seconds(30);

class StateKeeperTest : public testing::Test {
 protected:
  std::string why_not(core::Duration limit) {
    std::string answer = "none";
    auto ask = [&]() -> boost::asio::awaitable<void> {
      auto tried = keeper.try_persist(limit);
      answer = co_await std::move(tried);
    };
    reactor.run(ask());
    return answer;
  }
  StateKeeper::Around around() {
    return {.before = [this] { before(); }, .after = nullptr, .done = nullptr};
  }

  test::Reactor reactor;
  test::TempFolder folder;
  store::StateFile file{folder.path("state")};
  std::string state = R"({"number":1})";
  std::function<void()> before = [] {};
  StateKeeper keeper{reactor.executor(), file, [this] { return state; },
                     [this] { return around(); }};
};

TEST_F(StateKeeperTest, WhatWasKnownIsOnDiskWhenItSaysSo) {
  EXPECT_EQ(why_not(kLong), "");
  EXPECT_EQ(file.load()->content.at("number"), 1);
  state = R"({"number":2})";
  EXPECT_EQ(why_not(kLong), "");
  EXPECT_EQ(file.load()->content.at("number"), 2);
}

TEST_F(StateKeeperTest, AFailureIsTold) {
  before = [] { throw std::runtime_error("no room"); };
  EXPECT_THAT(why_not(kLong), HasSubstr("cannot be written: no room"));
  before = [] {};
  EXPECT_EQ(why_not(kLong), "");
}

TEST_F(StateKeeperTest, ADiskThatHangsIsNotWaitedForForEver) {
  std::promise<void> answers;
  before = [hangs = answers.get_future().share()] { hangs.wait(); };
  EXPECT_THAT(why_not(std::chrono::milliseconds(20)), HasSubstr("does not answer"));
  answers.set_value();
  EXPECT_EQ(why_not(kLong), "");
}

}  // namespace
}  // namespace dmjob::daemon

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/attempt.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>
#include <optional>

#include "libjob/core/error.h"
#include "libjob/core/signal.h"
#include "tests/support/reactor.h"

namespace dmjob::core {
namespace {

using Work = std::function<boost::asio::awaitable<void>()>;

class AttemptTest : public testing::Test {
 protected:
  std::string outcome(Work work, Duration limit = std::chrono::hours(1)) {
    std::optional<std::string> result;
    auto attempt = [&]() -> boost::asio::awaitable<void> {
      result = co_await attempt_within(reactor.executor(), limit, work);
    };
    boost::asio::co_spawn(reactor.executor(), attempt(), boost::asio::detached);
    reactor.run_until([&] { return result.has_value(); });
    return *result;
  }

  test::Reactor reactor;
  Signal never{reactor.executor()};
};

TEST_F(AttemptTest, WorkThatEndsWellHasNothingToSay) {
  EXPECT_EQ(outcome([]() -> boost::asio::awaitable<void> { co_return; }), "");
}

TEST_F(AttemptTest, WorkThatFailsSaysWhy) {
  EXPECT_EQ(outcome([]() -> boost::asio::awaitable<void> {
              throw Error("full");
              co_return;
            }),
            "full");
}

TEST_F(AttemptTest, WorkThatHangsIsNotWaitedForAnyLonger) {
  EXPECT_EQ(outcome([this]() -> boost::asio::awaitable<void> { co_await never.wait(); },
                    std::chrono::milliseconds(1)),
            "no answer within the time allowed");
}

}  // namespace
}  // namespace dmjob::core

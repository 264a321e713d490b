// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/rate_limit.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace dmjob::test {
namespace {

using core::Duration;
using core::RateLimit;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;

// A copy loop of requests of one size, on a clock that is set by hand.
struct Copy {
  explicit Copy(std::uint64_t speed) { limit.set_speed(speed); }

  // Bytes that were begun within `span`; each wait ends `late` after it should.
  std::uint64_t run(Duration span, std::uint64_t request, Duration late = Duration::zero()) {
    const auto end = clock.now() + span;
    std::uint64_t bytes = 0;
    for (;;) {
      if (const Duration wait = limit.delay(clock.now()); wait > Duration::zero()) {
        clock.advance(wait + late);
      }
      if (clock.now() >= end) return bytes;
      limit.take(clock.now(), request);
      bytes += request;
    }
  }

  FakeClock clock;
  RateLimit limit;
};

struct Case {
  std::uint64_t speed;
  std::uint64_t request;
  seconds span;
  milliseconds late;
};

class Speed : public ::testing::TestWithParam<Case> {};

TEST_P(Speed, IsKeptWithinOnePercent) {
  const auto [speed, request, span, late] = GetParam();
  const auto bytes = static_cast<double>(Copy(speed).run(span, request, late));
  const auto expected = static_cast<double>(speed) * static_cast<double>(span.count());
  EXPECT_NEAR(bytes / expected, 1.0, 0.01);
}

INSTANTIATE_TEST_SUITE_P(RateLimit, Speed,
                         ::testing::Values(Case{64 * kKiB, 4 * kKiB, seconds(100), milliseconds(0)},
                                           Case{64 * kKiB, kMiB, seconds(3600), milliseconds(0)},
                                           Case{65'537, 4 * kKiB, seconds(100), milliseconds(0)},
                                           Case{kMiB, 64 * kKiB, seconds(100), milliseconds(0)},
                                           Case{10 * kMiB, kMiB, seconds(60), milliseconds(0)},
                                           Case{10 * kMiB, kMiB, seconds(60), milliseconds(15)},
                                           Case{100 * kMiB, kMiB, seconds(60), milliseconds(30)},
                                           Case{3 * kGiB, kMiB, seconds(10), milliseconds(0)},
                                           Case{20 * kGiB, 16 * kMiB, seconds(10),
                                                milliseconds(1)}));

TEST(RateLimitTest, UnlimitedNeverWaits) {
  Copy copy(0);
  copy.limit.take(copy.clock.now(), 1000 * kGiB);
  EXPECT_EQ(copy.limit.delay(copy.clock.now()), Duration::zero());
}

TEST(RateLimitTest, ASliceMayBeTakenAtOnceAndNoMore) {
  Copy copy(kMiB * 10);
  copy.limit.take(copy.clock.now(), kMiB - 1);
  EXPECT_EQ(copy.limit.delay(copy.clock.now()), Duration::zero());
  copy.limit.take(copy.clock.now(), 1);
  EXPECT_EQ(copy.limit.delay(copy.clock.now()), RateLimit::kSlice);
}

TEST(RateLimitTest, ALargeRequestIsPaidForInFull) {
  Copy copy(kMiB);
  copy.limit.take(copy.clock.now(), 10 * kMiB);
  EXPECT_EQ(copy.limit.delay(copy.clock.now()), seconds(10));
}

TEST(RateLimitTest, AnIdleTimeIsNotSavedUp) {
  Copy copy(kMiB);
  copy.run(seconds(1), 64 * kKiB);
  copy.clock.advance(seconds(1000));
  EXPECT_LE(copy.run(seconds(1), 64 * kKiB), kMiB + 128 * kKiB);
}

TEST(RateLimitTest, ANewSpeedIsNotHeldUpByTheOldOne) {
  Copy copy(1);
  copy.limit.take(copy.clock.now(), kMiB);
  EXPECT_GT(copy.limit.delay(copy.clock.now()), seconds(1'000'000));
  copy.limit.set_speed(kMiB);
  EXPECT_EQ(copy.limit.delay(copy.clock.now()), Duration::zero());
}

TEST(RateLimitTest, ALowerSpeedCountsFromNow) {
  Copy copy(kGiB);
  copy.run(seconds(1), kMiB);
  copy.limit.set_speed(kMiB);
  EXPECT_NEAR(static_cast<double>(copy.run(seconds(100), 64 * kKiB)), 100.0 * kMiB, 1.0 * kMiB);
}

TEST(RateLimitTest, TheSwitchToUnlimitedIsAtOnce) {
  Copy copy(1);
  copy.limit.take(copy.clock.now(), kMiB);
  copy.limit.set_speed(0);
  EXPECT_EQ(copy.limit.delay(copy.clock.now()), Duration::zero());
}

TEST(RateLimitTest, HugeNumbersDoNotOverflow) {
  Copy copy(1);
  copy.limit.take(copy.clock.now(), ~std::uint64_t{0});
  EXPECT_GT(copy.limit.delay(copy.clock.now()), std::chrono::hours(1000));
}

}  // namespace
}  // namespace dmjob::test

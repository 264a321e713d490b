// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/base/rate_meter.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace dmjob::drivers {
namespace {

using std::chrono::seconds;

class RateMeterTest : public testing::Test {
 protected:
  void copied(std::uint64_t total, core::Duration after) {
    clock_.advance(after);
    meter_.note(clock_.now(), total);
  }
  std::uint64_t rate() const { return meter_.bytes_per_second(clock_.now()); }

  test::FakeClock clock_;
  RateMeter meter_;
};

TEST_F(RateMeterTest, KnowsNothingAtFirst) {
  EXPECT_EQ(rate(), 0U);
  copied(1000, seconds(1));
  EXPECT_EQ(rate(), 0U);
}

TEST_F(RateMeterTest, IsBytesOverTime) {
  copied(1000, seconds(1));
  copied(5000, seconds(2));
  EXPECT_EQ(rate(), 2000U);
}

TEST_F(RateMeterTest, ForgetsWhatIsLongAgo) {
  copied(0, seconds(0));
  copied(1000000, seconds(1));
  for (std::uint64_t i = 1; i <= 10; ++i) copied(1000000 + i * 100, seconds(1));
  EXPECT_EQ(rate(), 100U);
}

TEST_F(RateMeterTest, IsZeroWhenNothingWasNotedLately) {
  copied(0, seconds(0));
  copied(1000, seconds(1));
  clock_.advance(seconds(60));
  EXPECT_EQ(rate(), 0U);
}

}  // namespace
}  // namespace dmjob::drivers

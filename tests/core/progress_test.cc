// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/progress.h"

#include <gtest/gtest.h>

namespace dmjob::core {
namespace {

struct ProgressTest : ::testing::Test {
  void expect(std::uint64_t offset, std::uint64_t len) {
    EXPECT_EQ(progress.get().offset, offset);
    EXPECT_EQ(progress.get().len, len);
  }
  Progress progress;
};

TEST_F(ProgressTest, WhatIsDoneComesNearerToTheWhole) {
  progress.set_remaining(10);
  progress.add_done(4);
  expect(4, 10);
}

TEST_F(ProgressTest, WhatIsLeftMayGrowAndShrink) {
  progress.set_remaining(10);
  progress.add_done(4);
  progress.set_remaining(20);
  expect(4, 24);
  progress.set_remaining(0);
  expect(4, 4);
}

TEST_F(ProgressTest, MoreThanWasKnownMakesTheWholeLarger) {
  progress.add_done(4);
  expect(4, 4);
}

TEST_F(ProgressTest, IsTakenUpAsItWas) {
  progress.restore({.offset = 3, .len = 9});
  progress.add_done(1);
  expect(4, 9);
}

}  // namespace
}  // namespace dmjob::core

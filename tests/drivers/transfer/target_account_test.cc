// SPDX-License-Identifier: LGPL-2.1-or-later
// What a look at a target is taken for. The counts themselves: tests/io, tests/kernel.
#include "libjob/drivers/transfer/target_account.h"

#include <gtest/gtest.h>

namespace dmjob::drivers {
namespace {

const std::string kThen = "disk others=8";
const std::string kNow = "disk others=16";

TEST(TargetAccount, OfAnEarlierProcessIsRightOnlyIfNothingHasChanged) {
  TargetAccount account(kThen);
  EXPECT_TRUE(account.is_as_noted(kThen));
  EXPECT_FALSE(account.is_as_noted(kNow));
  EXPECT_EQ(account.noted(), kNow) << "all is copied, and the account goes on from here";
  EXPECT_TRUE(account.is_as_noted(kNow));
}

TEST(TargetAccount, OfAnEarlierProcessThatCouldNotTellIsNotRight) {
  EXPECT_FALSE(TargetAccount("").is_as_noted(kNow));
  EXPECT_FALSE(TargetAccount("").is_as_noted(""));
  EXPECT_FALSE(TargetAccount(kThen).is_as_noted(""));
}

TEST(TargetAccount, IsDisturbedByAWriteOfOthers) {
  TargetAccount account(kThen);
  EXPECT_TRUE(account.is_untouched(kThen));
  EXPECT_FALSE(account.is_untouched(kNow));
  EXPECT_TRUE(account.is_untouched(kNow));
}

TEST(TargetAccount, BeginsAnewAfterAFailureOfTheTarget) {
  TargetAccount account(kThen);
  account.doubt();
  EXPECT_TRUE(account.is_untouched(kNow));
  EXPECT_FALSE(account.is_untouched(kThen)) << "one failure is over";
}

// All is copied once, not for ever.
TEST(TargetAccount, ThatIsNotKeptAnyMoreTellsSoOnce) {
  TargetAccount account(kThen);
  EXPECT_FALSE(account.is_untouched(""));
  EXPECT_TRUE(account.is_untouched(""));
}

TEST(TargetAccount, OfADiskThatIsNotHeldSaysNothing) {
  TargetAccount account("");
  EXPECT_EQ(account.look(), std::nullopt);
  EXPECT_TRUE(account.is_untouched(account.look()));
}

}  // namespace
}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
// The way back: a mirror can be left at any time, whatever has failed before.
#include <system_error>

#include "tests/drivers/copy/live_copy_fixture.h"

namespace dmjob::drivers {
namespace {

TEST_F(LiveCopyTest, AMirrorCanBeLeft) {
  mirror();
  expect_way_back();
  copy.fall_back();
  EXPECT_TRUE(copy.tracking());
  EXPECT_EQ(writes(), tracker(2));
}

TEST_F(LiveCopyTest, AfterAHoldThatFailedItStillCan) {
  mirror();
  kernel.fail_call("suspend", 1, ETIMEDOUT);
  std::vector<io::Extent> suspects{{0, 4096}};
  io::Differences found;
  EXPECT_THROW(copy.recheck_held(suspects, found), std::system_error);
  copy.read_mode_back();
  expect_way_back();
}

TEST_F(LiveCopyTest, AfterAnEndThatFailedItStillCan) {
  mirror();
  kernel.fail_call("suspend", 1, EIO);
  std::vector<LiveCopy::Ending> endings{{&copy}};
  EXPECT_THROW(LiveCopy::end_together(endings, [] {}), std::system_error);
  EXPECT_FALSE(endings.front().done);
  EXPECT_EQ(copy.side(plan.target, LiveCopy::How::kInspect), LiveCopy::Side::kInterposed);
  copy.read_mode_back();
  expect_way_back();
}

TEST_F(LiveCopyTest, AfterASwitchThatFailedItStillCan) {
  for (const char* call : {"suspend", "resume"}) {
    mirror();
    kernel.fail_call(call, 1, EIO);
    EXPECT_THROW(copy.fall_back(), std::system_error) << call;
    expect_way_back();
    copy.fall_back();
    EXPECT_TRUE(copy.tracking());
    copy.withdraw();
  }
}

TEST_F(LiveCopyTest, AWayBackThatIsGoneIsMadeAnew) {
  mirror();
  kernel.clear("dmjob-j-wr");
  copy.fall_back();
  EXPECT_TRUE(copy.tracking());
  EXPECT_EQ(writes(), tracker(2));
}

TEST_F(LiveCopyTest, WhatIsKeptEqualIsNotLeftByTheGuardian) {
  mirror();
  copy.keep_equal(true);
  copy.read_mode_back();
  EXPECT_FALSE(ledger.watched("dmjob-j-wr"));
  copy.keep_equal(false);
  expect_way_back();
}

TEST_F(LiveCopyTest, AMirrorThatTheWatchHasLeftIsTracked) {
  mirror();
  copy.release_held_writes();
  copy.read_mode_back();
  EXPECT_TRUE(copy.tracking());
  EXPECT_EQ(writes(), tracker(2));
}

// --- a disk that is too slow while writes wait ---

TEST_F(LiveCopyTest, AHandOverThatADiskIsTooSlowForIsPutOff) {
  track();
  kernel.fail_call("suspend", 1, EINTR);  // as its limit does
  EXPECT_FALSE(copy.hand_over());
  EXPECT_TRUE(copy.tracking());
  EXPECT_EQ(writes(), tracker(0));
  EXPECT_THAT(copy.put_off(), testing::HasSubstr("does not come to rest"));
  EXPECT_FALSE(copy.hand_over());
  EXPECT_EQ(copy.put_off(), "");
  expect_way_back();
}

TEST_F(LiveCopyTest, SoIsAFreshLog) {
  track();
  kernel.fail_call("suspend", 1, EINTR);
  EXPECT_FALSE(copy.try_rotate());
  EXPECT_EQ(writes(), tracker(0));
  EXPECT_NE(copy.put_off(), "");
  EXPECT_FALSE(copy.try_rotate());
  EXPECT_EQ(writes(), tracker(1));
  EXPECT_EQ(copy.put_off(), "");
}

TEST_F(LiveCopyTest, WhatFailsIsNotPutOff) {
  track();
  kernel.fail_call("suspend", 1, EIO);
  EXPECT_THROW(copy.hand_over(), std::system_error);
  EXPECT_EQ(copy.put_off(), "");
}

}  // namespace
}  // namespace dmjob::drivers

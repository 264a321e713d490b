// SPDX-License-Identifier: LGPL-2.1-or-later
// A backup in which a call of the kernel fails: whichever it is, the volume has its own table in
// the end, nothing of the job is left, and only what is whole is a success.
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/drivers/backup/backup_fixture.h"

namespace dmjob::drivers {
namespace {

class BackupCallTest : public BackupTest, public testing::WithParamInterface<int> {
 protected:
  void copy_with(int error) {
    copy_with_failing_call(GetParam(), error);
    EXPECT_FALSE(std::filesystem::exists(cow.place.path));
  }
};

TEST_P(BackupCallTest, FailsForGood) { copy_with(EIO); }

TEST_P(BackupCallTest, FailsForNow) { copy_with(EBUSY); }

constexpr int kCalls = 14;
INSTANTIATE_TEST_SUITE_P(Nth, BackupCallTest, testing::Range(1, kCalls + 1));

TEST_F(BackupTest, TakesAsManyCallsAsFailAbove) {
  start_copy();
  until_over();
  EXPECT_EQ(calls(), kCalls) << testing::PrintToString(kernel.log());
}

}  // namespace
}  // namespace dmjob::drivers

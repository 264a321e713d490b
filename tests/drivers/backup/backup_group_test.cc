// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/backup_group.h"

#include <gtest/gtest.h>

namespace dmjob::drivers {
namespace {

struct Backup {
  bool is_here() const { return here; }
  void hear_of_the_group() { ++heard; }

  bool here = false;
  int heard = 0;
};

using Group = InstantGroup<Backup>;
using State = Group::State;

class BackupGroupTest : public testing::Test {
 protected:
  BackupGroupTest() {
    group.join(one);
    group.join(other);
  }

  Group group;
  Backup one;
  Backup other;
};

TEST_F(BackupGroupTest, GathersUntilTheLastOneIsHere) {
  one.here = true;
  EXPECT_FALSE(group.all_are_here());
  other.here = true;
  EXPECT_TRUE(group.all_are_here());
  EXPECT_TRUE(group.is_open());
}

TEST_F(BackupGroupTest, TheInstantIsForAllAndAllHearOfIt) {
  group.begin_switch();
  EXPECT_TRUE(group.is_open());
  group.end_switch("");
  EXPECT_EQ(group.state(), State::kTaken);
  EXPECT_EQ(one.heard + other.heard, 2);
}

TEST_F(BackupGroupTest, AnInstantThatCannotBeTakenIsForNone) {
  group.begin_switch();
  group.end_switch("vol does not come to rest");
  EXPECT_EQ(group.state(), State::kBroken);
  EXPECT_EQ(group.why_broken(), "vol does not come to rest");
}

TEST_F(BackupGroupTest, OneThatFailsBeforeTakesTheOthersAlong) {
  group.leave(one, "no room");
  EXPECT_EQ(group.state(), State::kBroken);
  EXPECT_EQ(group.why_broken(), "no room");
  EXPECT_EQ(other.heard, 1);
}

TEST_F(BackupGroupTest, TheFirstReasonStays) {
  group.leave(one, "no room");
  group.leave(other, "later");
  EXPECT_EQ(group.why_broken(), "no room");
}

TEST_F(BackupGroupTest, WhoLeavesWhileTheVolumesSwitchOrLaterBreaksNothing) {
  group.begin_switch();
  group.leave(one, "cancelled");
  group.end_switch("");
  group.leave(other, "cancelled");
  EXPECT_EQ(group.state(), State::kTaken);
}

TEST(BackupGroup, OneByItselfWaitsForNobody) {
  Group group;
  Backup only;
  group.join(only);
  only.here = true;
  EXPECT_TRUE(group.all_are_here());
  group.leave(only, "cancelled");
  EXPECT_EQ(group.state(), State::kGathering);
}

}  // namespace
}  // namespace dmjob::drivers

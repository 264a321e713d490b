// SPDX-License-Identifier: LGPL-2.1-or-later
// What an earlier daemon has left is the guardian's until the daemon takes it over.
#include "tool/dmjobd/guardian_page.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <chrono>
#include <thread>

#include "dm/targets.h"

namespace dmjob::daemon {
namespace {

using Meaning = GuardianPage::Meaning;

class GuardianPageTest : public testing::Test {
 protected:
  GuardianPageTest() { page.note("wr", Meaning::kInherited); }
  bool is_free() const { return slot.meaning == Meaning::kFree; }

  GuardianPage page{};
  GuardianPage::Slot& slot = page.slots.front();
};

TEST_F(GuardianPageTest, AnInheritedTrackerIsTakenOver) {
  EXPECT_TRUE(slot.is_tracker());
  page.take_over("another", [] { return true; });
  EXPECT_FALSE(is_free());
  page.take_over("wr", [] { return true; });
  EXPECT_TRUE(is_free());
}

TEST_F(GuardianPageTest, NotWhileTheGuardianIsActing) {
  slot.meaning = Meaning::kActing;
  int looks = 0;
  page.take_over("wr", [&] {
    EXPECT_FALSE(is_free());
    if (++looks == 3) slot.meaning = Meaning::kInherited;
    return true;
  });
  EXPECT_EQ(looks, 3);
  EXPECT_TRUE(is_free());
}

TEST_F(GuardianPageTest, ADeadGuardianIsNotWaitedFor) {
  slot.meaning = Meaning::kActing;
  page.take_over("wr", [] { return false; });
}

TEST_F(GuardianPageTest, WhatTheDaemonHasTakenUpIsLeftAlone) {
  slot.meaning = Meaning::kTracker;
  page.take_over("wr", [] { return true; });
  EXPECT_EQ(slot.meaning, Meaning::kTracker);
}

TEST_F(GuardianPageTest, WhatIsSuspendedTellsWhatToDrop) {
  const dm::Droppable ours = dm::Droppable::only(dm::linear_table(8, makedev(8, 0)));
  page.note("vol", Meaning::kOldTable, ours);
  GuardianPage::Slot* suspended = page.find_suspended("vol");
  ASSERT_NE(suspended, nullptr);
  EXPECT_EQ(suspended->to_drop(), ours);
  suspended->meaning = Meaning::kNewTable;
  EXPECT_EQ(suspended->to_drop(), dm::Droppable::none());
}

}  // namespace
}  // namespace dmjob::daemon

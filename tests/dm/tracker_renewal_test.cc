// SPDX-License-Identifier: LGPL-2.1-or-later
// A tracker whose base has refused a write is loaded anew, and the guardian knows of each.
#include "dm/topology/tracker_renewal.h"

#include <cerrno>

#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

class TrackerRenewalTest : public CopyStackTest {
 protected:
  void set_status(const std::string& legs, const std::string& log) {
    kernel.set_status("dmjob-j-wr", "2 " + print_dev(number("base")) + ' ' +
                                        print_dev(number("err")) + " 63/64 1 " + legs + " 3 disk " +
                                        print_dev(number("log0")) + ' ' + log);
    kernel.clear_log();
  }
};

TEST_F(TrackerRenewalTest, GetsTheSameTable) {
  interpose();
  set_status("DD", "A");
  EXPECT_TRUE(stack.renew_tracker());
  EXPECT_EQ(writes(), tracker(0));
  EXPECT_EQ(kernel.log(),
            (Log{"load dmjob-j-wr", "note dmjob-j-wr old", "suspend dmjob-j-wr noflush",
                 "note dmjob-j-wr new", "resume dmjob-j-wr", "done dmjob-j-wr"}));
}

TEST_F(TrackerRenewalTest, ThatIsWellIsLeftAlone) {
  interpose();
  set_status("AD", "A");
  EXPECT_FALSE(stack.renew_tracker());
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(TrackerRenewalTest, WithoutItsMarksIsLeftAlone) {
  interpose();
  set_status("DD", "D");
  EXPECT_FALSE(stack.renew_tracker()) << "a new table would hide that they are missing";
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(TrackerRenewalTest, ThatIsOnlyReadInVainGoesOn) {
  interpose();
  set_status("SS", "A");
  EXPECT_FALSE(stack.renew_tracker()) << "the kernel would begin anew, and fail there again";
}

TEST_F(TrackerRenewalTest, IsNotForAMirror) {
  be_ready();
  set_status("DA", "A");
  EXPECT_FALSE(stack.renew_tracker());
  EXPECT_EQ(kernel.log(), Log{});
  EXPECT_EQ(stack.preloaded(), (WriteMode{Kind::kTracking, 2}));
}

TEST_F(TrackerRenewalTest, TheGuardianKnowsOfItAsLongAsItIsThere) {
  build();
  EXPECT_FALSE(ledger.guarded("dmjob-j-wr"));
  stack.interpose();
  EXPECT_TRUE(ledger.guarded("dmjob-j-wr"));
  ledger.forget_tracker("dmjob-j-wr");  // as after a restart
  stack.take_up();
  EXPECT_TRUE(ledger.guarded("dmjob-j-wr"));
  stack.withdraw(SuspendMode::kFlush);
  EXPECT_FALSE(ledger.guarded("dmjob-j-wr"));
}

}  // namespace
}  // namespace dmjob::dm

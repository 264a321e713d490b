// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The copy of a volume, step by step. As root.
#pragma once

#include "libjob/drivers/copy/live_copy.h"
#include "tests/drivers/base/copy_disks.h"
#include "tests/support/fake_clock.h"

namespace dmjob::drivers {

class LiveCopyTest : public CopyDisks {
 protected:
  using Kind = dm::WriteMode::Kind;

  ~LiveCopyTest() override { copy.withdraw(); }

  void track() { ASSERT_FALSE(copy.start()) << copy.target_fault(); }
  void mirror() {
    track();
    ASSERT_FALSE(copy.hand_over());
    ASSERT_TRUE(copy.mirroring());
  }
  // The mirror can be left, and is by the guardian should this process die.
  void expect_way_back() {
    EXPECT_TRUE(copy.mirroring());
    EXPECT_EQ(kernel.inactive_table("dmjob-j-wr"), tracker(2));
    EXPECT_TRUE(ledger.watched("dmjob-j-wr"));
  }

  test::FakeClock clock;
  io::CopyControl control;
  const CopyPlan plan = make_plan();
  ErrorMapFile map{"", ""};
  LiveCopy copy{kernel, ledger, clock, control, "j", plan, map};
};

}  // namespace dmjob::drivers

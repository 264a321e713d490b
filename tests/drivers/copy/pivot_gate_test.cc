// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "libjob/drivers/copy/pivot_gate.h"

namespace dmjob::drivers {
namespace {

TEST(PivotGate, ASwitchThatIsUnderWayKeepsTheRevocationOut) {
  PivotGate gate;
  EXPECT_TRUE(gate.pass());
  EXPECT_FALSE(gate.close());
}

TEST(PivotGate, ARevocationKeepsTheSwitchOut) {
  PivotGate gate;
  EXPECT_TRUE(gate.close());
  EXPECT_TRUE(gate.close());
  EXPECT_FALSE(gate.pass());
}

TEST(PivotGate, AfterASwitchThatFailedAllIsRevoked) {
  PivotGate gate;
  gate.pass();
  gate.shut();
  EXPECT_TRUE(gate.close());
  EXPECT_FALSE(gate.pass());
}

TEST(PivotGate, IsOpenForTheNextDecision) {
  PivotGate gate;
  gate.close();
  gate.open();
  EXPECT_TRUE(gate.pass());
}

}  // namespace
}  // namespace dmjob::drivers

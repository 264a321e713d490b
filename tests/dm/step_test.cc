// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/step.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <system_error>

#include "dm/targets.h"
#include "tests/support/fake_control.h"

namespace dmjob::dm {
namespace {

using Log = std::vector<std::string>;

Step create(const std::string& name, const Table& table) {
  return Step::create({name, "DMJOB-u-" + name, table});
}

Plan two_on_each_other() {
  return {create("low", linear_table(8, makedev(8, 0))),
          create("high", linear_table(8, DeviceWord::named("low")))};
}

TEST(Plan, NamesBecomeNumbersWhenItRuns) {
  FakeControl kernel;
  run_plan(kernel, two_on_each_other());
  EXPECT_EQ(kernel.table("high").print(), "0 8 linear 253:0 0\n");
}

TEST(Plan, ThatFailsIsTakenBackInReverseOrder) {
  FakeControl kernel;
  Plan plan = two_on_each_other();
  plan.push_back(create("top", linear_table(8, DeviceWord::named("nobody"))));
  EXPECT_THROW(run_plan(kernel, plan), std::system_error);
  EXPECT_EQ(kernel.log(), (Log{"create low", "create high", "remove high", "remove low"}));
}

TEST(Plan, TellsTheFirstErrorEvenIfTakingBackFails) {
  FakeControl kernel;
  kernel.fail_call("create", 2, ENOMEM);
  kernel.fail_call("remove", 1, EBUSY);
  try {
    run_plan(kernel, two_on_each_other());
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), ENOMEM);
  }
}

TEST(RemoveIfOurs, LeavesWhatHasAnotherUuid) {
  FakeControl kernel;
  kernel.add_device("dmjob-j-wr", error_table(8), "DMJOB-other-wr");
  EXPECT_THROW(remove_if_ours(kernel, "dmjob-j-wr", "DMJOB-u-wr"), std::system_error);
  EXPECT_TRUE(kernel.exists("dmjob-j-wr"));
  EXPECT_NO_THROW(remove_if_ours(kernel, "absent", "DMJOB-u-wr"));
}

TEST(RemoveIfHalfMade, LeavesWhatHasATableOrAnotherUuid) {
  FakeControl kernel;
  kernel.add_device("whole", error_table(8), "DMJOBV-u");
  kernel.add_device("other", Table(), "LVM-x");
  kernel.add_device("half", Table(), "DMJOBV-u");
  for (const char* name : {"whole", "other", "half", "absent"})
    remove_if_half_made(kernel, name, "DMJOBV-u");
  EXPECT_EQ(kernel.names(), (std::vector<std::string>{"other", "whole"}));
}

}  // namespace
}  // namespace dmjob::dm

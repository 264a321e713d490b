// SPDX-License-Identifier: LGPL-2.1-or-later
// Two copies that end in one moment: at each failing call both have ended or neither has, but where
// the kernel at last does not take a table that it had loaded.
#include <array>
#include <cerrno>

#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

struct GroupStage : CopyStage {
  GroupStage() {
    kernel.add_device("other", own);
    kernel.set_opened("other", 1);
    be_ready();
    HeldDisk(kernel, ledger, "k", "v").take(makedev(8, 33), 16384);
    other.build(0);
    other.interpose();
    other.preload({Kind::kMirroring, 1});
    other.switch_writes(SuspendMode::kFlush, [] {});
    other.preload({Kind::kTracking, 2});
    kernel.clear_log();
  }

  static CopyStackSpec other_spec() {
    CopyStackSpec spec = CopyStage::spec();
    spec.job = "k";
    spec.uuid = "v";
    spec.volume = "other";
    spec.target = makedev(8, 33);
    spec.scratch = makedev(8, 49);
    return spec;
  }

  int end(CopyStack::End first, CopyStack::End second) {
    const std::array endings{CopyStack::Ending{&stack, first}, CopyStack::Ending{&other, second}};
    return error_of([&] { CopyStack::end_together(endings, inside); });
  }
  int pivot_both() { return end(CopyStack::End::kPivot, CopyStack::End::kPivot); }

  bool first_has_moved() { return volume() == on_target(); }
  bool other_has_moved() { return kernel.table("other") == linear_table(8192, makedev(8, 33)); }

  CopyStack other{kernel, ledger, other_spec()};
  std::function<void()> inside = [] {};
};

class GroupTest : public testing::Test, protected GroupStage {
 protected:
  ~GroupTest() override {
    EXPECT_EQ(kernel.violations(), Log{});
    EXPECT_EQ(kernel.suspended_devices(), Log{});
  }
};

TEST_F(GroupTest, BothAreSuspendedBeforeOneIsResumed) {
  Log suspended;
  inside = [&] { suspended = kernel.suspended_devices(); };
  EXPECT_EQ(pivot_both(), 0);
  EXPECT_EQ(suspended, (Log{"other", "vol"}));
  EXPECT_TRUE(first_has_moved());
  EXPECT_TRUE(other_has_moved());
}

TEST_F(GroupTest, AtNoInstantWouldADeathSwitchOnlyOne) {
  EXPECT_EQ(pivot_both(), 0);
  EXPECT_FALSE(ledger.was_divided());
}

TEST_F(GroupTest, OneMayPivotAndTheOtherKeepItsDisk) {
  EXPECT_EQ(end(CopyStack::End::kPivot, CopyStack::End::kKeep), 0);
  EXPECT_TRUE(stack.has_ended(CopyStack::End::kPivot));
  EXPECT_TRUE(other.has_ended(CopyStack::End::kKeep));
  EXPECT_EQ(kernel.table("other"), own);
}

TEST_F(GroupTest, ATargetThatFailsInTheLastMomentKeepsBothWhereTheyAre) {
  inside = [] { throw std::system_error(EIO, std::generic_category()); };
  EXPECT_EQ(pivot_both(), EIO);
  EXPECT_FALSE(stack.has_ended(CopyStack::End::kPivot));
  EXPECT_EQ(volume(), bypass());
  EXPECT_FALSE(other_has_moved());
}

TEST_F(GroupTest, ASuspensionThatTakesTooLongIsAnErrorForBoth) {
  kernel.fail_call("suspend", 2, EINTR);
  EXPECT_EQ(pivot_both(), ETIMEDOUT);
  EXPECT_EQ(volume(), bypass());
  EXPECT_FALSE(other_has_moved());
}

TEST_F(GroupTest, ATableThatSomebodyElseHasLoadedIsNotDropped) {
  kernel.load("other", own);
  kernel.resume("other");  // replaced
  kernel.load("other", on_target());
  EXPECT_EQ(pivot_both(), ESTALE);
  EXPECT_TRUE(kernel.find("other")->inactive_table);
  EXPECT_FALSE(kernel.find("vol")->inactive_table);
}

class RefusedTable : public testing::TestWithParam<int>, protected GroupStage {};

TEST_P(RefusedTable, KeepsNoOtherFromEndingAndIsTold) {
  kernel.fail_call("resume", GetParam(), EIO);
  EXPECT_EQ(pivot_both(), EIO);
  EXPECT_EQ(kernel.suspended_devices(), Log{});
  EXPECT_EQ(stack.has_ended(CopyStack::End::kPivot), GetParam() != 2);  // resumed last
  EXPECT_EQ(other.has_ended(CopyStack::End::kPivot), GetParam() != 1);
}

INSTANTIATE_TEST_SUITE_P(Of, RefusedTable, testing::Values(1, 2));

class FailedGroupCall : public testing::TestWithParam<int>, protected GroupStage {};

TEST_P(FailedGroupCall, LeavesBothOnTheSameSide) {
  kernel.fail_call(GetParam(), EIO);
  const int error = pivot_both();
  EXPECT_EQ(kernel.suspended_devices(), Log{});
  EXPECT_EQ(first_has_moved(), other_has_moved());
  EXPECT_EQ(first_has_moved(), error == 0);
  EXPECT_FALSE(kernel.find("vol")->inactive_table);
  EXPECT_FALSE(kernel.find("other")->inactive_table);
}

INSTANTIATE_TEST_SUITE_P(Call, FailedGroupCall, testing::Range(1, 5));

}  // namespace
}  // namespace dmjob::dm

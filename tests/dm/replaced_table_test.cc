// SPDX-License-Identifier: LGPL-2.1-or-later
// Somebody else loads or switches the volume's table at any moment of a switch of ours: his table
// is neither dropped nor made live before its time, no switch of ours that was not made is told as
// one, and nothing stays suspended.
#include <cerrno>

#include "dm/topology/backup_stack.h"
#include "tests/dm/copy_stack_fixture.h"
#include "tests/dm/disturbed_control.h"

namespace dmjob::dm {
namespace {

enum class Hand { kLoads, kSwitches };
enum class Step { kInterpose, kPivot, kKeep, kWithdraw, kHold };

struct Case {
  Step step;
  Moment moment;
  Hand hand;
};

class ReplacedTable : public testing::TestWithParam<Case> {
 protected:
  ReplacedTable() {
    kernel_.add_device("vol", own_);
    kernel_.set_opened("vol", 1);
    held_.take(makedev(8, 32), 16384);
    stack_.build(0);
    if (GetParam().step == Step::kInterpose) return;
    stack_.interpose();
    stack_.preload({Kind::kMirroring, 1});
    stack_.switch_writes(SuspendMode::kFlush, [] {});
    stack_.preload({Kind::kTracking, 2});
  }

  void take_step() {
    const auto inside = [this] { kernel_.disturb(Moment::kInside); };
    switch (GetParam().step) {
      case Step::kInterpose:
        return stack_.interpose();
      case Step::kPivot:
        return pivot(stack_, inside);
      case Step::kKeep:
        return keep(stack_, inside);
      case Step::kWithdraw:
        return stack_.withdraw(SuspendMode::kFlush);
      case Step::kHold:
        return stack_.hold(inside);
    }
  }

  // What a program does that knows nothing of us.
  void lay_hand() {
    if (GetParam().hand == Hand::kLoads) return kernel_.set_inactive_table("vol", theirs_);
    kernel_.clear("vol");
    kernel_.set_table("vol", theirs_);
  }

  bool is_theirs() {
    return kernel_.table("vol") == theirs_ || kernel_.inactive_table("vol") == theirs_;
  }

  const Table own_ = linear_table(8192, makedev(8, 0));
  const Table theirs_ = linear_table(9216, makedev(8, 0));  // lvextend
  DisturbedControl kernel_;
  FakeLedger ledger_{kernel_};
  HeldDisk held_{kernel_, ledger_, "j", "u"};
  CopyStack stack_{kernel_, ledger_, CopyStage::spec()};
};

TEST_P(ReplacedTable, IsLeftAndNeverTakenForOurs) {
  kernel_.moment = GetParam().moment;
  kernel_.call = [this] {
    lay_hand();
    EXPECT_FALSE(ledger_.drops("vol", theirs_)) << "whoever comes after the death of this process";
  };
  kernel_.disturb(Moment::kBefore);
  int error = 0;
  try {
    take_step();
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  }
  const bool held_all_the_time =
      GetParam().step == Step::kHold && GetParam().moment == Moment::kInside;
  if (held_all_the_time)
    EXPECT_EQ(error, 0);
  else
    EXPECT_TRUE(error == ESTALE || error == EBUSY) << error;
  EXPECT_TRUE(is_theirs());
  EXPECT_EQ(kernel_.suspended_devices(), Log{});
  EXPECT_FALSE(stack_.has_ended(CopyStack::End::kPivot));
  const bool has_never_stood = GetParam().step == Step::kInterpose;
  EXPECT_TRUE(has_never_stood || !stack_.has_ended(CopyStack::End::kKeep));
}

// One that is only loaded does not become live by a switch that was refused in time.
TEST_P(ReplacedTable, IsNotMadeLiveBeforeItsTime) {
  const bool in_time = GetParam().moment == Moment::kBefore || GetParam().moment == Moment::kLoaded;
  if (!in_time || GetParam().hand != Hand::kLoads) return;
  const Table before = kernel_.table("vol");
  kernel_.moment = GetParam().moment;
  kernel_.call = [this] { lay_hand(); };
  kernel_.disturb(Moment::kBefore);
  EXPECT_THROW(take_step(), std::system_error);
  EXPECT_EQ(kernel_.table("vol"), before);
  EXPECT_EQ(kernel_.inactive_table("vol"), theirs_);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Step step :
       {Step::kInterpose, Step::kPivot, Step::kKeep, Step::kWithdraw, Step::kHold})
    for (const Moment moment :
         {Moment::kBefore, Moment::kLoaded, Moment::kSuspended, Moment::kInside})
      for (const Hand hand : {Hand::kLoads, Hand::kSwitches}) {
        const bool never_comes = (step == Step::kInterpose && moment == Moment::kInside) ||
                                 (step == Step::kHold && moment == Moment::kLoaded);
        // Inside, with the device suspended, a switch is a load that waits for our resume.
        const bool is_a_load = moment == Moment::kInside && hand == Hand::kSwitches;
        if (!never_comes && !is_a_load) cases.push_back({step, moment, hand});
      }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(AtEachMoment, ReplacedTable, testing::ValuesIn(all_cases()));

// --- renamed ---

class RenamedVolume : public CopyStackTest {};

TEST_F(RenamedVolume, IsFoundByItsTableAndANewOneOfItsNameIsNotTouched) {
  be_ready();
  const Table ours = volume();
  const Table another = linear_table(64, makedev(8, 80));
  kernel.set_opened("vol", 0);
  kernel.set_table("vol", another);
  kernel.add_device("renamed", ours);
  stack.require_standing();
  EXPECT_EQ(stack.volume(), "renamed");
  keep(stack);
  EXPECT_EQ(kernel.table("renamed"), own);
  EXPECT_EQ(kernel.table("vol"), another);
}

TEST_F(RenamedVolume, OneThatIsGoneIsReplaced) {
  be_ready();
  kernel.set_opened("vol", 0);
  kernel.remove("vol");
  EXPECT_EQ(error_of([this] { stack.require_standing(); }), ESTALE);
}

}  // namespace
}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
// Somebody else switches the volume's table after any of our reads of it: what is read next is not
// taken for what was found to be ours.
#include <cerrno>
#include <utility>

#include "tests/dm/backup_stack_fixture.h"
#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

constexpr int kMostReads = 8;

// Calls once, after the n-th read of the table of "vol".
class ReadControl : public FakeControl {
 public:
  Table table(const std::string& name) override {
    if (name == unreadable) throw std::system_error(ENOMEM, std::generic_category());
    Table read = FakeControl::table(name);
    if (name == "vol" && call && --reads_left == 0) std::exchange(call, nullptr)();
    return read;
  }

  std::string unreadable;  // a device
  int reads_left = 0;
  std::function<void()> call;
};

class ReplacedBetweenReads : public testing::TestWithParam<int> {
 protected:
  ReplacedBetweenReads() {
    kernel_.add_device("vol", linear_table(8192, makedev(8, 0)));
    kernel_.set_opened("vol", 1);
  }

  void replace_after_reads() {
    kernel_.reads_left = GetParam();
    kernel_.call = [this] {
      kernel_.clear("vol");
      kernel_.set_table("vol", theirs_);
    };
  }
  // His table stands, whatever the step says, and is not taken for ours from then on.
  template <typename Step>
  void expect_left(Step step) {
    replace_after_reads();
    try {
      step();
    } catch (const std::system_error& error) {
      EXPECT_TRUE(error.code().value() == ESTALE || error.code().value() == EBUSY) << error.what();
    }
    EXPECT_EQ(kernel_.suspended_devices(), Log{});
    if (kernel_.call) return;  // the step has read it less often
    EXPECT_EQ(kernel_.table("vol"), theirs_);
  }
  template <typename Stack>
  void expect_not_to_stand(Stack& stack) {
    if (kernel_.call) return;
    EXPECT_EQ(error_of([&] { stack.require_standing(); }), ESTALE);
  }

  const Table theirs_ = linear_table(9216, makedev(8, 0));  // lvextend
  ReadControl kernel_;
  FakeLedger ledger_{kernel_};
};

class ReplacedCopy : public ReplacedBetweenReads {
 protected:
  ReplacedCopy() {
    held_.take(makedev(8, 32), 16384);
    stack_.build(0);
    stack_.interpose();
    stack_.preload({Kind::kMirroring, 1});
    stack_.switch_writes(SuspendMode::kFlush, [] {});
    stack_.preload({Kind::kTracking, 2});
  }

  HeldDisk held_{kernel_, ledger_, "j", "u"};
  CopyStack stack_{kernel_, ledger_, CopyStage::spec()};
};

TEST_P(ReplacedCopy, IsSeenByTheWatch) {
  expect_left([&] { stack_.require_standing(); });
  expect_not_to_stand(stack_);
}

TEST_P(ReplacedCopy, IsLeftByAHold) {
  expect_left([&] { stack_.hold([] {}); });
  expect_not_to_stand(stack_);
}

TEST_P(ReplacedCopy, IsLeftByTheEnd) {
  const CopyStack::Ending keep{&stack_, CopyStack::End::kKeep};
  expect_left([&] { CopyStack::end_together({&keep, 1}, [] {}); });
}

TEST_P(ReplacedCopy, IsLeftByAPivot) {
  const CopyStack::Ending pivot{&stack_, CopyStack::End::kPivot};
  expect_left([&] { CopyStack::end_together({&pivot, 1}, [] {}); });
}

TEST_P(ReplacedCopy, IsLeftByAWithdrawal) {
  expect_left([&] { stack_.withdraw(SuspendMode::kFlush); });
}

INSTANTIATE_TEST_SUITE_P(After, ReplacedCopy, testing::Range(1, kMostReads));

class ReplacedBackup : public ReplacedBetweenReads {
 protected:
  ReplacedBackup() {
    stack_.build();
    const std::array<BackupStack*, 1> all{&stack_};
    BackupStack::interpose(all);
  }

  BackupStack stack_{kernel_, ledger_, BackupStage::spec_of("j", "vol", makedev(8, 48))};
};

TEST_P(ReplacedBackup, IsSeenByTheWatch) {
  expect_left([&] { stack_.require_standing(); });
  expect_not_to_stand(stack_);
}

TEST_P(ReplacedBackup, IsLeftByAHold) {
  expect_left([&] { stack_.hold([] {}); });
  expect_not_to_stand(stack_);
}

TEST_P(ReplacedBackup, IsLeftByAWithdrawal) {
  expect_left([&] { stack_.withdraw(); });
}

// While it is looked for by its table.
TEST_P(ReplacedBackup, IsNotTakenForAnotherWhoseTableCannotBeRead) {
  kernel_.add_device("other", theirs_);
  kernel_.unreadable = "other";
  kernel_.set_table("vol", theirs_);
  EXPECT_EQ(error_of([&] { stack_.require_standing(); }), ENOMEM);
  EXPECT_EQ(stack_.volume(), "vol");
}

INSTANTIATE_TEST_SUITE_P(After, ReplacedBackup, testing::Range(1, kMostReads));

}  // namespace
}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
// Each operation of BackupStack with each of its calls to the kernel failing in turn: afterwards
// nothing is suspended, either both volumes are interposed or none, and all can be withdrawn
// without a trace.
#include <algorithm>
#include <cerrno>
#include <ostream>

#include "tests/dm/backup_stack_fixture.h"

namespace dmjob::dm {
namespace {

struct Operation {
  const char* name;
  void (*prepare)(BackupStage&);
  void (*run)(BackupStage&);
};

void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }

const Operation kOperations[] = {
    {"build", [](BackupStage&) {}, [](BackupStage& s) { s.stack.build(); }},
    {"interpose", [](BackupStage& s) { s.build(); }, [](BackupStage& s) { s.interpose(); }},
    {"withdraw", [](BackupStage& s) { s.begin(); }, [](BackupStage& s) { s.withdraw(); }},
};

// One more than any of them makes: then none fails.
constexpr int kCalls = 13;

class FailedBackupCall : public testing::TestWithParam<std::tuple<Operation, int>>,
                         protected BackupStage {
 protected:
  void SetUp() override {
    std::get<0>(GetParam()).prepare(*this);
    kernel.clear_log();
    kernel.fail_call(std::get<1>(GetParam()), EIO);
  }

  int run() {
    return error_of([this] { std::get<0>(GetParam()).run(*this); });
  }

  bool a_call_failed() {
    const Log log = kernel.log();
    return std::ranges::any_of(log, [](const auto& line) { return line.ends_with(" !"); });
  }
};

TEST_P(FailedBackupCall, LeavesTheVolumesRunningOnATableThatIsRight) {
  run();
  EXPECT_EQ(kernel.suspended_devices(), Log{});
  EXPECT_EQ(kernel.violations(), Log{});
  EXPECT_FALSE(kernel.find("vol")->inactive_table);
  EXPECT_FALSE(kernel.find("other")->inactive_table);
  EXPECT_TRUE(volume() == own || interposed()) << volume().print();
}

TEST_P(FailedBackupCall, IsToldAsAnError) {
  const bool told = run() != 0;
  EXPECT_EQ(told, a_call_failed());
}

TEST_P(FailedBackupCall, CanBeWithdrawnWithoutATrace) {
  run();
  kernel.heal();
  stack.take_up();
  other.take_up();
  withdraw();
  expect_nothing_but_the_volumes();
}

INSTANTIATE_TEST_SUITE_P(Of, FailedBackupCall,
                         testing::Combine(testing::ValuesIn(kOperations),
                                          testing::Range(1, kCalls + 1)),
                         [](const auto& row) {
                           return std::string(std::get<0>(row.param).name) + "_call_" +
                                  std::to_string(std::get<1>(row.param));
                         });

class FailedBackupBuild : public testing::TestWithParam<int>, protected BackupStage {};

TEST_P(FailedBackupBuild, IsTakenBack) {
  kernel.fail_call(GetParam(), EIO);
  EXPECT_EQ(error_of([this] { stack.build(); }), EIO);
  expect_nothing_but_the_volumes();
}

INSTANTIATE_TEST_SUITE_P(Call, FailedBackupBuild, testing::Range(1, 4));

// Of the calls of interpose(): loads and suspends, before the point of no return.
class FailedInstant : public testing::TestWithParam<int>, protected BackupStage {};

TEST_P(FailedInstant, IsNoneForBoth) {
  build();
  kernel.fail_call(GetParam(), EIO);
  EXPECT_EQ(error_of([this] { interpose(); }), EIO);
  EXPECT_FALSE(interposed());
  EXPECT_FALSE(other_interposed());
}

INSTANTIATE_TEST_SUITE_P(Call, FailedInstant, testing::Range(1, 5));

int calls_in(const Log& log) {
  return static_cast<int>(std::ranges::count_if(log, [](const std::string& line) {
    return !line.starts_with("note") && !line.starts_with("done");
  }));
}

TEST(FailedBackupCalls, CoverAllCallsOfEachOperation) {
  for (const Operation& operation : kOperations) {
    BackupStage stage;
    operation.prepare(stage);
    stage.kernel.clear_log();
    operation.run(stage);
    EXPECT_LT(calls_in(stage.kernel.log()), kCalls) << operation.name;
  }
}

}  // namespace
}  // namespace dmjob::dm

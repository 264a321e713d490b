// SPDX-License-Identifier: LGPL-2.1-or-later
// Each operation of CopyStack with each of its calls to the kernel failing in turn: afterwards
// nothing is suspended, the volume has a table that is right, and the job can be withdrawn without
// a trace.
#include <algorithm>
#include <cerrno>
#include <ostream>

#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

struct Operation {
  const char* name;
  void (*prepare)(CopyStage&);
  void (*run)(CopyStage&);
};

void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }

const Operation kOperations[] = {
    {"build", [](CopyStage&) {}, [](CopyStage& s) { s.build(); }},
    {"interpose", [](CopyStage& s) { s.build(); }, [](CopyStage& s) { s.stack.interpose(); }},
    {"rotate", [](CopyStage& s) { s.interpose(); },
     [](CopyStage& s) {
       s.stack.preload({Kind::kTracking, 1});
       s.stack.switch_writes(SuspendMode::kFlush, [] {});
     }},
    {"hand_over", [](CopyStage& s) { s.interpose(); },
     [](CopyStage& s) {
       s.stack.preload({Kind::kMirroring, 1});
       s.stack.switch_writes(SuspendMode::kFlush, [] {});
       s.stack.preload({Kind::kTracking, 2});
     }},
    {"fall_back", [](CopyStage& s) { s.be_ready(); },
     [](CopyStage& s) { s.stack.switch_writes(SuspendMode::kNoFlush, [] {}); }},
    {"release", [](CopyStage& s) { s.be_ready(); },
     [](CopyStage& s) { s.stack.release_held_writes(); }},
    {"hold", [](CopyStage& s) { s.be_ready(); }, [](CopyStage& s) { s.stack.hold([] {}); }},
    {"pivot", [](CopyStage& s) { s.be_ready(); }, [](CopyStage& s) { pivot(s.stack); }},
    {"soft_cancel", [](CopyStage& s) { s.be_ready(); }, [](CopyStage& s) { keep(s.stack); }},
    {"cancel", [](CopyStage& s) { s.interpose(); },
     [](CopyStage& s) { s.stack.withdraw(SuspendMode::kFlush); }},
    {"force_cancel", [](CopyStage& s) { s.be_ready(); },
     [](CopyStage& s) { s.stack.withdraw(SuspendMode::kNoFlush); }},
};

// One more than any of them makes: then none fails.
constexpr int kCalls = 13;

class FailedCall : public testing::TestWithParam<std::tuple<Operation, int>>, protected CopyStage {
 protected:
  void SetUp() override {
    std::get<0>(GetParam()).prepare(*this);
    kernel.clear_log();
    kernel.fail_call(std::get<1>(GetParam()), EIO);
  }

  int run() {
    return error_of([this] { std::get<0>(GetParam()).run(*this); });
  }

  bool one_of_ours(const Table& table) {
    if (table == own || table == on_target()) return true;
    return kernel.exists("dmjob-j-wr") && kernel.exists("dmjob-j-base") && table == bypass();
  }

  bool a_call_failed() {
    for (const auto& line : kernel.log()) {
      if (line.ends_with(" !")) return true;
    }
    return false;
  }
};

TEST_P(FailedCall, LeavesTheVolumeRunningOnATableThatIsRight) {
  run();
  EXPECT_EQ(kernel.suspended_devices(), Log{});
  EXPECT_FALSE(kernel.find("vol")->inactive_table);
  EXPECT_TRUE(one_of_ours(volume())) << volume().print();
  EXPECT_EQ(kernel.violations(), Log{});
}

TEST_P(FailedCall, IsToldAsAnError) {
  const bool told = run() != 0;
  EXPECT_EQ(told, a_call_failed());
}

TEST_P(FailedCall, CanBeWithdrawnWithoutATrace) {
  run();
  kernel.heal();
  CopyStack again(kernel, ledger, spec());  // as a new process would
  again.find();
  again.withdraw(SuspendMode::kNoFlush);
  expect_nothing_but_the_volume();
  EXPECT_TRUE(volume() == own || volume() == on_target());
}

INSTANTIATE_TEST_SUITE_P(Of, FailedCall,
                         testing::Combine(testing::ValuesIn(kOperations),
                                          testing::Range(1, kCalls + 1)),
                         [](const auto& row) {
                           return std::string(std::get<0>(row.param).name) + "_call_" +
                                  std::to_string(std::get<1>(row.param));
                         });

class FailedBuild : public testing::TestWithParam<int>, protected CopyStage {};

TEST_P(FailedBuild, IsTakenBack) {
  hold();
  kernel.fail_call(GetParam(), EIO);
  EXPECT_EQ(error_of([this] { stack.build(0); }), EIO);
  EXPECT_EQ(kernel.names(), (Log{"dmjob-j-tgt", "vol"})) << "what is held stays so";
  expect_nothing_but_the_volume();
}

INSTANTIATE_TEST_SUITE_P(Call, FailedBuild, testing::Range(1, 7));

int calls_in(const Log& log) {
  const auto is_call = [](const std::string& line) {
    return !line.starts_with("note") && !line.starts_with("done") &&
           line.find("watch") == line.npos;
  };
  return static_cast<int>(std::count_if(log.begin(), log.end(), is_call));
}

TEST(FailedCalls, CoverAllCallsOfEachOperation) {
  for (const Operation& operation : kOperations) {
    CopyStage stage;
    operation.prepare(stage);
    stage.kernel.clear_log();
    operation.run(stage);
    EXPECT_LT(calls_in(stage.kernel.log()), kCalls) << operation.name;
  }
}

}  // namespace
}  // namespace dmjob::dm

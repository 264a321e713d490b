// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/suspend_guard.h"

#include <sys/prctl.h>

#include "tests/kernel/dm/stage.h"

namespace dmjob::dm {
namespace {

class SuspendGuardKernelTest : public KernelStage {
 protected:
  SuspendGuardKernelTest() { make("vol", old_); }
  void expect_running_with(const Table& table) {
    const auto device = control.find("vol");
    EXPECT_FALSE(device->suspended);
    EXPECT_FALSE(device->inactive_table);
    EXPECT_EQ(control.table("vol"), table);
    EXPECT_EQ(open("vol")->read_block(0), 0);
  }
  SuspendGuard suspend() {
    return SuspendGuard(control, ledger, "vol", SuspendMode::kFlush, OnDeath::kOldTable);
  }

  const Table old_ = linear_table(kSize, source.dev());
  const Table new_ = linear_table(kSize, target_disk.dev());
};

// As root of this machine we have CAP_SYS_RESOURCE, as dmjobd has under systemd.
TEST_F(SuspendGuardKernelTest, MarksItsThreadAsOneThatIoDependsOn) {
  const auto flag = [] { return prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0); };
  ASSERT_FALSE(check_io_flusher());
  EXPECT_EQ(flag(), 0);
  {
    const auto guard = suspend();
    EXPECT_EQ(flag(), 1);
  }
  EXPECT_EQ(flag(), 0);
}

TEST_F(SuspendGuardKernelTest, ResumesWithTheNewTable) {
  control.load("vol", new_);
  suspend().resume();
  expect_running_with(new_);
}

TEST_F(SuspendGuardKernelTest, LeftEarlyResumesWithTheOldTable) {
  control.load("vol", new_);
  {
    const auto guard = suspend();
  }
  expect_running_with(old_);
}

// A second snapshot on one COW device loads, and does not start while the first one runs.
TEST_F(SuspendGuardKernelTest, WhoseNewTableDoesNotStartGoesOnWithTheOldOne) {
  scratch.fill_all(0);
  const std::string snapshot =
      "0 65536 snapshot " + print_dev(target_disk.dev()) + ' ' + print_dev(scratch.dev()) + " P 16";
  make("first", Table::parse(snapshot));
  control.load("vol", Table::parse(snapshot));
  {
    auto guard = suspend();
    EXPECT_NE(error_of([&] { guard.resume(); }), 0);
  }
  expect_running_with(old_);
}

}  // namespace
}  // namespace dmjob::dm

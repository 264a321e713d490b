// SPDX-License-Identifier: LGPL-2.1-or-later
// What hangs within a suspension does not keep the volume suspended.
#include "dm/deputy.h"

#include <sys/prctl.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLong(600'000);

TEST(DeputyTest, DoesWhatItIsFor) {
  bool done = false;
  Deputy deputy([&] { done = true; });
  deputy.run(kLong);
  EXPECT_TRUE(done);
}

TEST(DeputyTest, PassesAnErrorOn) {
  Deputy deputy([] { throw std::system_error(ENOSPC, std::generic_category()); });
  EXPECT_EQ(error_of([&] { deputy.run(kLong); }), ENOSPC);
}

TEST(DeputyTest, ThatIsNotNeededDoesNothing) {
  bool done = false;
  {
    const Deputy deputy([&] { done = true; });
  }
  EXPECT_FALSE(done);
}

class HeldTest : public CopyStackTest {
 protected:
  // As a read of a disk that hangs for as long as the volume is suspended, and would for ever.
  void hang() {
    while (kernel.suspended("vol") || kernel.suspended("dmjob-j-wr"))
      std::this_thread::sleep_for(milliseconds(1));
    hung = true;
  }
  std::atomic<bool> hung = false;
};

TEST_F(HeldTest, TheVolumeIsGivenBackWhileADiskHangs) {
  be_ready();
  {
    Deputy deputy([this] { hang(); });
    EXPECT_EQ(error_of([&] { stack.hold([&] { deputy.run(milliseconds(10)); }); }), ETIMEDOUT);
    EXPECT_EQ(kernel.suspended_devices(), Log{});
  }
  EXPECT_TRUE(hung);
  EXPECT_EQ(volume(), bypass());
}

TEST_F(HeldTest, ASwitchIsTakenBackWhileTheScratchHangs) {
  interpose();
  stack.preload({Kind::kMirroring, 1});
  Deputy deputy([this] { hang(); });
  const auto inside = [&] { deputy.run(milliseconds(10)); };
  EXPECT_EQ(error_of([&] { stack.switch_writes(SuspendMode::kFlush, inside); }), ETIMEDOUT);
  EXPECT_EQ(writes(), tracker(0));
}

TEST_F(HeldTest, ASuspensionThatIsEndedByItsLimitSaysSo) {
  be_ready();
  for (const char* device : {"vol", "dmjob-j-wr"}) {
    kernel.fail_call("suspend", 1, EINTR);
    const auto suspend = [&] {
      SuspendGuard(kernel, ledger, device, SuspendMode::kFlush, OnDeath::kOldTable);
    };
    EXPECT_EQ(error_of(suspend), ETIMEDOUT) << device;
  }
}

}  // namespace
}  // namespace dmjob::dm

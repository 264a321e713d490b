// SPDX-License-Identifier: LGPL-2.1-or-later
// KernelControl with a real udevd: it makes the nodes, its cookies are counted down, and nothing
// depends on it staying alive. Elsewhere the tests run without udev.
#include <gmock/gmock.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "tests/kernel/dm/stage.h"

namespace dmjob::dm {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class UdevTest : public KernelStage {
 protected:
  ~UdevTest() override {
    go_on();
    set_semaphores(32000);
  }

  dev_t make_hidden() {
    return control.create(
        {"dmjob-j-base", "DMJOB-u-base", on_source(0), Visibility::kHidden, false});
  }
  Table on_source(std::uint64_t offset) { return linear_table(1024, source.dev(), offset); }

  void stop() { EXPECT_EQ(shell("killall -STOP systemd-udevd"), 0); }
  void go_on() { EXPECT_EQ(shell("killall -CONT systemd-udevd"), 0); }

  // Semaphores that exist, each of them a cookie.
  int cookies() {
    std::ifstream file("/proc/sysvipc/sem");
    int lines = -1;  // the heading
    for (std::string line; std::getline(file, line);) ++lines;
    return lines;
  }
  void set_semaphores(int count) {
    std::ofstream("/proc/sys/kernel/sem") << "32000 1024000000 500 " << count;
  }

  std::string properties_of(const std::string& name) {
    const std::string file = "/tmp/properties";
    EXPECT_EQ(shell("udevadm settle --timeout=30 && udevadm info -q property /dev/mapper/" + name +
                    " >" + file),
              0);
    std::ifstream stream(file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  template <typename Call>
  seconds time_of(Call call) {
    const auto begin = std::chrono::steady_clock::now();
    call();
    return std::chrono::duration_cast<seconds>(std::chrono::steady_clock::now() - begin);
  }
};

TEST_F(UdevTest, MakesTheNodeBeforeCreateReturns) {
  make("dev", on_source(0));
  char link[64] = {};
  EXPECT_GT(readlink("/dev/mapper/dev", link, sizeof link - 1), 0) << "udev makes a link";
  EXPECT_THAT(link, HasSubstr("dm-"));
  EXPECT_EQ(cookies(), 0);
}

TEST_F(UdevTest, IsToldToLeaveHiddenDevicesAloneAfterEachResume) {
  make_hidden();
  EXPECT_THAT(properties_of("dmjob-j-base"), HasSubstr("DM_UDEV_DISABLE_OTHER_RULES_FLAG=1"));
  switch_to("dmjob-j-base", on_source(64), SuspendMode::kFlush);
  const std::string after = properties_of("dmjob-j-base");
  EXPECT_THAT(after, HasSubstr("DM_UDEV_DISABLE_OTHER_RULES_FLAG=1"));
  EXPECT_THAT(after, HasSubstr("DM_UDEV_DISABLE_DISK_RULES_FLAG=1"));
  EXPECT_THAT(after, HasSubstr("DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG=1"));
}

TEST_F(UdevTest, GoesOnWithAPublicDeviceAfterAResume) {
  make("dev", on_source(0));
  switch_to("dev", on_source(64), SuspendMode::kFlush);
  const std::string after = properties_of("dev");
  EXPECT_THAT(after, Not(HasSubstr("DM_UDEV_DISABLE_OTHER_RULES_FLAG=1")));
  EXPECT_THAT(after, HasSubstr("DM_UDEV_PRIMARY_SOURCE_FLAG=1"));
}

TEST_F(UdevTest, StoppedDelaysCreateAndRemoveAndNoMore) {
  stop();
  EXPECT_LE(time_of([this] { make("dev", on_source(0)); }), seconds(15));
  EXPECT_EQ(open("dev")->read_block(0), 0);
  EXPECT_EQ(cookies(), 0);
  EXPECT_LE(time_of([this] { control.remove("dev"); }), seconds(15));
  EXPECT_EQ(cookies(), 0);
}

TEST_F(UdevTest, StoppedDoesNotDelayASwitch) {
  make("dev", on_source(0));
  stop();
  EXPECT_LE(time_of([this] { switch_to("dev", on_source(64), SuspendMode::kFlush); }), seconds(2));
}

TEST_F(UdevTest, NoSemaphoreLeftIsAnErrorBeforeAnythingIsMade) {
  make("dev", on_source(0));
  set_semaphores(0);
  std::string what;
  EXPECT_EQ(error_of([this] { make_hidden(); }, &what), ENOSPC);
  EXPECT_THAT(what, HasSubstr("no semaphore to wait for udev with"));
  EXPECT_EQ(control.find("dmjob-j-base"), std::nullopt);
  switch_to("dev", on_source(64), SuspendMode::kFlush);
  EXPECT_FALSE(control.find("dev")->suspended);
  control.remove("dev");
  EXPECT_EQ(control.find("dev"), std::nullopt);
}

TEST_F(UdevTest, AFailedCreateLeavesNoCookieAndDoesNotWait) {
  EXPECT_LE(time_of([this] {
              EXPECT_NE(error_of([this] { make("dev", linear_table(1 << 30, source.dev())); }), 0);
            }),
            seconds(5));
  make("dev", on_source(0));
  EXPECT_NE(error_of([this] { make("dev", on_source(0)); }), 0);
  EXPECT_EQ(cookies(), 0);
}

TEST_F(UdevTest, AWholeStackComesAndGoesWithoutACookieLeft) {
  be_ready();
  keep(*stack);
  EXPECT_EQ(cookies(), 0);
}

}  // namespace
}  // namespace dmjob::dm

// SPDX-License-Identifier: LGPL-2.1-or-later
// KernelControl and EventWatch.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <future>
#include <thread>

#include "dm/event_watch.h"
#include "dm/features.h"
#include "dm/suspend_limit.h"
#include "tests/kernel/dm/stage.h"

namespace dmjob::dm {
namespace {

using testing::HasSubstr;

class ControlTest : public KernelStage {
 protected:
  Table on_source(std::uint64_t offset = 0) { return linear_table(1024, source.dev(), offset); }
};

TEST_F(ControlTest, ADeviceHasItsNodeItsTableAndItsUuidAtOnce) {
  const dev_t dev = control.create({"dev", "DMJOB-u-dev", on_source(), Visibility::kHidden, false});
  struct stat node{};
  ASSERT_EQ(stat("/dev/mapper/dev", &node), 0);
  EXPECT_EQ(node.st_rdev, dev);
  EXPECT_EQ(control.table("dev"), on_source());
  const auto device = control.find("dev");
  EXPECT_EQ(device->uuid, "DMJOB-u-dev");
  EXPECT_EQ(device->dev, dev);
  EXPECT_TRUE(device->live_table && !device->inactive_table && !device->suspended);
  EXPECT_EQ(control.deps("dev"), std::vector<dev_t>{source.dev()});
}

TEST_F(ControlTest, WhatIsNotThereIsAValue) {
  EXPECT_EQ(control.find("nobody"), std::nullopt);
  EXPECT_EQ(error_of([this] { control.table("nobody"); }), ENXIO);
  EXPECT_EQ(error_of([this] { control.status("nobody"); }), ENXIO);
  EXPECT_EQ(error_of([this] { control.remove("nobody"); }), ENXIO);
  EXPECT_EQ(error_of([this] { control.resume("nobody"); }), ENXIO);
}

TEST_F(ControlTest, ATableIsLoadedAheadAndGoesLiveAtTheResume) {
  make("dev", on_source());
  control.load("dev", on_source(64));
  EXPECT_EQ(control.table("dev"), on_source());
  EXPECT_EQ(control.inactive_table("dev"), on_source(64));
  control.suspend("dev", SuspendMode::kFlush);
  EXPECT_TRUE(control.find("dev")->suspended);
  control.resume("dev");
  EXPECT_EQ(control.table("dev"), on_source(64));
  EXPECT_TRUE(control.inactive_table("dev").empty());
}

TEST_F(ControlTest, AClearedTableIsForgotten) {
  make("dev", on_source());
  control.load("dev", on_source(64));
  control.clear("dev");
  control.suspend("dev", SuspendMode::kFlush);
  control.resume("dev");
  EXPECT_EQ(control.table("dev"), on_source());
}

TEST_F(ControlTest, ARemovedDeviceLeavesNoNode) {
  make("dev", on_source());
  control.remove("dev");
  EXPECT_NE(access("/dev/mapper/dev", F_OK), 0);
  EXPECT_EQ(control.find("dev"), std::nullopt);
}

TEST_F(ControlTest, AFailedCreateLeavesNothing) {
  EXPECT_NE(error_of([this] { make("dev", linear_table(1 << 30, source.dev())); }), 0);
  EXPECT_EQ(control.find("dev"), std::nullopt);
}

TEST_F(ControlTest, ABusyDeviceIsReportedWithWhoHasItOpen) {
  make("dev", on_source());
  const auto holder = open("dev");
  std::string what;
  EXPECT_EQ(error_of([this] { control.remove("dev"); }, &what), EBUSY);
  EXPECT_THAT(what, HasSubstr("open in dm_kernel_test (pid " + std::to_string(getpid())));
  EXPECT_THAT(what, HasSubstr("remove of dev: open 1 times"));
}

TEST_F(ControlTest, ABusyDeviceIsReportedWithWhatStandsOnIt) {
  const dev_t dev = make("dev", on_source());
  make("top", linear_table(1024, dev));
  std::string what;
  EXPECT_EQ(error_of([this] { control.remove("dev"); }, &what), EBUSY);
  EXPECT_THAT(what, HasSubstr("(top)"));
}

TEST_F(ControlTest, ADeviceThatIsClosedInTimeIsRemoved) {
  make("dev", on_source());
  auto holder = open("dev");
  std::thread closing([&holder] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    holder.reset();
  });
  EXPECT_NO_THROW(control.remove("dev"));
  closing.join();
}

TEST_F(ControlTest, ANameOrAUuidThatIsTakenIsNamed) {
  control.create({"dev", "DMJOB-u-dev", on_source(), Visibility::kHidden, false});
  std::string what;
  EXPECT_EQ(error_of([this] { make("dev", on_source()); }, &what), EBUSY);
  EXPECT_THAT(what, HasSubstr("the name exists, with the UUID \"DMJOB-u-dev\""));
  const NewDevice twin{"other", "DMJOB-u-dev", on_source(), Visibility::kHidden, false};
  EXPECT_EQ(error_of([&] { control.create(twin); }, &what), EBUSY);
  EXPECT_THAT(what, HasSubstr("its UUID belongs to dev"));
  EXPECT_TRUE(control.find("dev")->live_table);
}

TEST_F(ControlTest, ATableOverAMountedDiskIsReportedWithThePlace) {
  ASSERT_EQ(shell("mkfs.ext4 -q -F " + scratch.path() + " && mkdir -p /tmp/place && mount " +
                  scratch.path() + " /tmp/place"),
            0);
  std::string what;
  EXPECT_EQ(error_of([this] { make("dev", linear_table(8, scratch.dev())); }, &what), EBUSY);
  EXPECT_THAT(what, HasSubstr("mounted on /tmp/place"));
  EXPECT_EQ(shell("umount /tmp/place"), 0);
}

TEST_F(ControlTest, ATableOverADiskThatIsGoneIsReportedWithItsNumber) {
  std::string what;
  EXPECT_NE(error_of([this] { make("dev", linear_table(8, makedev(8, 250))); }, &what), 0);
  EXPECT_THAT(what, HasSubstr("8:250 does not exist"));
}

// As the table of a LUKS2 volume is, once cryptsetup has ended.
TEST_F(ControlTest, ACryptTableWhoseKeyIsGoneIsReportedWithWhatToDo) {
  std::string what;
  const Table table = Table::parse("0 1024 crypt aes-xts-plain64 :32:logon:dmjob:gone 0 " +
                                   print_dev(source.dev()) + " 0");
  EXPECT_EQ(error_of([&] { make("dev", table); }, &what), ENOKEY);
  EXPECT_THAT(what, HasSubstr("--disable-keyring"));
  EXPECT_EQ(control.find("dev"), std::nullopt);
}

TEST_F(ControlTest, AReadOnlyDeviceStaysReadOnly) {
  control.create({"dev", "", on_source(), Visibility::kPublic, true});
  EXPECT_TRUE(control.find("dev")->read_only);
  switch_to("dev", on_source(64), SuspendMode::kFlush);
  EXPECT_TRUE(control.find("dev")->read_only);
}

TEST_F(ControlTest, TheKernelPrintsOurTablesAsWeDo) {
  const dev_t log = make_log(0), base = make("base", linear_table(kSize, source.dev()));
  const dev_t err = make("err", error_table(kSize));
  write_log(0, true);
  for (const Table& table :
       {linear_table(kSize, source.dev(), 8), error_table(kSize), bypass_table(kSize, base, target),
        tracker_table(kSize, log, kRegion, base, err),
        mirror_table(kSize, log, kRegion, base, target)}) {
    make("dev", table);
    EXPECT_EQ(control.table("dev"), table);
    EXPECT_EQ(Table::parse(table.print()), table);
    control.remove("dev");
  }
}

// As whatever was called before may have left it.
[[gnu::noinline]] void fill_the_stack() {
  std::array<volatile char, 32768> bytes;
  for (volatile char& byte : bytes) byte = 'x';
}

TEST_F(ControlTest, ATargetsNameOfTheGreatestLengthEndsThere) {
  const Table table = origin_table(kSize, source.dev());
  make("dev", table);
  fill_the_stack();
  EXPECT_EQ(control.table("dev"), table);
}

TEST_F(ControlTest, TheStatusOfManySegmentsIsWhole) {
  std::vector<Segment> segments;
  for (std::uint64_t i = 0; i < 500; ++i) {
    segments.push_back(
        {i * 8, 8, "linear", print_dev(source.dev()) + ' ' + std::to_string(i * 16)});
  }
  make("dev", Table(segments));
  EXPECT_EQ(control.table("dev"), Table(segments));
  const auto status = control.status("dev");
  ASSERT_EQ(status.size(), 500U);
  EXPECT_EQ(status[499].start, 499U * 8);
  EXPECT_EQ(status[499].target, "linear");
}

TEST_F(ControlTest, TellsWhatTheKernelHas) {
  EXPECT_TRUE(control.target_version("mirror").has_value());
  EXPECT_EQ(control.target_version("of-tomorrow"), std::nullopt);
  constexpr std::string_view kNeeded[] = {"linear", "of-tomorrow", "snapshot-merge", "delay"};
  EXPECT_EQ(missing_targets(control, kNeeded), std::vector<std::string>{"of-tomorrow"});
}

// --- a suspension that does not end ---

// A mirror that holds a write, and a thread that waits for it to end.
class StuckSuspension : public KernelStage {
 protected:
  StuckSuspension() {
    write_log(0, true);
    const dev_t log = make_log(0);
    make("vol", mirror_table(kSize, log, kRegion, source.dev(), target));
    break_device("target");
    write_ = std::async(std::launch::async, [this] { return open("vol")->write_block(0, 1); });
    EXPECT_TRUE(wait_for([this] { return !status("vol").in_sync(); }));
    const dev_t vol = control.find("vol")->dev;
    make("top", linear_table(kSize, vol));
    top_write_ = std::async(std::launch::async, [this] { return open("top")->write_block(0, 2); });
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    struct sigaction action{};  // without SA_RESTART
    action.sa_handler = [](int) {};
    sigaction(SIGUSR1, &action, nullptr);
  }
  ~StuckSuspension() override { end(); }

  void suspend_top() {
    error_ = error_of([this] { control.suspend("top", SuspendMode::kFlush); });
  }
  void begin() {
    suspension_ = std::thread([this] { suspend_top(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  void end() {
    if (!suspension_.joinable()) return;
    pthread_kill(suspension_.native_handle(), SIGUSR1);
    suspension_.join();
    let_go();
  }
  void let_go() { switch_to("vol", linear_table(kSize, source.dev()), SuspendMode::kNoFlush); }

  std::future<int> write_, top_write_;
  std::thread suspension_;
  int error_ = -1;
};

TEST_F(StuckSuspension, HoldsUpNoCallForAnotherDevice) {
  begin();
  const auto begin = std::chrono::steady_clock::now();
  make("other", linear_table(8, scratch.dev(), 8192));
  switch_to("other", linear_table(8, scratch.dev(), 8200), SuspendMode::kFlush);
  control.list();
  EXPECT_TRUE(control.find("top").has_value());
  control.status("top");
  control.remove("other");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  EXPECT_EQ(error_, -1);
}

TEST_F(StuckSuspension, IsEndedByASignalAndTheDeviceRunsOn) {
  begin();
  end();
  EXPECT_EQ(error_, EINTR);
  EXPECT_FALSE(control.find("top")->suspended);
  EXPECT_EQ(write_.get(), 0);
  EXPECT_EQ(top_write_.get(), 0);
}

TEST_F(StuckSuspension, IsEndedByALimit) {
  {
    const SuspendLimit limit(std::chrono::seconds(1));
    suspend_top();
  }
  EXPECT_EQ(error_, EINTR);
  EXPECT_FALSE(control.find("top")->suspended);
  let_go();
}

// --- events ---

bool readable(const EventWatch& watch, int milliseconds) {
  pollfd entry{watch.fd(), POLLIN, 0};
  return poll(&entry, 1, milliseconds) == 1;
}

class EventTest : public KernelStage {};

TEST_F(EventTest, AFailingTargetMakesTheWatchReadableUntilItIsArmed) {
  be_ready();
  break_device("target");
  EventWatch watch;
  EXPECT_FALSE(readable(watch, 300));
  const auto volume = open("vol");
  auto write = std::async(std::launch::async, [&] { return volume->write_block(5, 1); });
  EXPECT_TRUE(readable(watch, 10000));
  watch.arm();
  EXPECT_EQ(status("dmjob-j-wr").legs.back(), Health::kDead);
  EXPECT_FALSE(readable(watch, 300));
  stack->switch_writes(SuspendMode::kNoFlush, [] {});
  EXPECT_EQ(write.get(), 0);
}

TEST_F(EventTest, OurOwnResumeMakesTheWatchReadableToo) {
  make("vol", linear_table(kSize, source.dev()));
  EventWatch watch;
  switch_to("vol", linear_table(kSize, source.dev()), SuspendMode::kFlush);
  EXPECT_TRUE(readable(watch, 1000));
}

TEST_F(EventTest, AMirrorThatGetsInSyncMakesTheWatchReadable) {
  write_log(0, true, {1, 2, 3});
  const dev_t log = make_log(0);
  EventWatch watch;
  make("vol", mirror_table(kSize, log, kRegion, source.dev(), target));
  EXPECT_TRUE(readable(watch, 10000));
}

TEST_F(EventTest, WhatHappensBetweenArmAndPollIsNotMissed) {
  be_ready();
  break_device("target");
  EventWatch watch;
  const auto volume = open("vol");
  auto write = std::async(std::launch::async, [&] { return volume->write_block(5, 1); });
  EXPECT_TRUE(wait_for([&] { return !status("dmjob-j-wr").in_sync(); }));
  EXPECT_TRUE(readable(watch, 1000));
  stack->switch_writes(SuspendMode::kNoFlush, [] {});
  EXPECT_EQ(write.get(), 0);
}

}  // namespace
}  // namespace dmjob::dm

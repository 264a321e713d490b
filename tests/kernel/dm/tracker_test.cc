// SPDX-License-Identifier: LGPL-2.1-or-later
// What the design says of tracking: a mirror without feature words over an error device, started
// from a log that is all in sync, with reads passing it by.
#include <gmock/gmock.h>
#include <sys/sysmacros.h>

#include <thread>

#include "tests/kernel/dm/stage.h"

namespace dmjob::dm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TrackerTest : public KernelStage {
 protected:
  // base is what the test makes of it; wr tracks on log 0.
  void track(const Table& base_table) {
    base_ = make("base", base_table);
    err_ = make("err", error_table(kSize));
    log_ = make_log(0);
    make("wr", tracker());
  }
  Table tracker() { return tracker_table(kSize, log_, kRegion, base_, err_); }
  Table on_source() { return linear_table(kSize, source.dev()); }
  Table with_bad_sector(std::uint64_t sector) {
    const std::string source_at = "linear " + print_dev(source.dev()) + ' ';
    return Table::parse("0 " + std::to_string(sector) + ' ' + source_at + "0\n" +
                        std::to_string(sector) + " 8 error\n" + std::to_string(sector + 8) + ' ' +
                        std::to_string(kSize - sector - 8) + ' ' + source_at +
                        std::to_string(sector + 8));
  }

  dev_t base_ = 0, err_ = 0, log_ = 0;
};

TEST_F(TrackerTest, TheLogOnDiskHasEveryWrittenRegionAfterASuspension) {
  write_log(0, true);
  track(on_source());
  const auto wr = open("wr");
  for (const std::uint64_t region : {3U, 17U, 18U, 511U}) {
    EXPECT_EQ(wr->write_block(region * kRegionBlocks, 7), 0);
    EXPECT_EQ(source.fill_of(region * kRegionBlocks), 7);
  }
  control.suspend("wr", SuspendMode::kFlush);
  EXPECT_THAT(marked_in_log(0), ElementsAre(3, 17, 18, 511));
  control.resume("wr");
}

TEST_F(TrackerTest, TheMarkIsOnDiskBeforeTheWriteIsAcknowledged) {
  write_log(0, true);
  track(on_source());
  EXPECT_EQ(open("wr")->write_block(40 * kRegionBlocks, 7), 0);
  EXPECT_THAT(marked_in_log(0), ElementsAre(40));
}

TEST_F(TrackerTest, StartedInSyncReadsNothing) {
  write_log(0, true);
  const Traffic before = traffic_of(source.dev());
  track(on_source());
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_EQ(traffic_of(source.dev()).read, before.read);
  EXPECT_THAT(marked_in_log(0), IsEmpty());
}

// The rule's reason: a tracker that starts from marks tries to copy them to the failing side.
TEST_F(TrackerTest, StartedFromMarksWouldReadTheSource) {
  write_log(0, true, {1, 2, 3, 4});
  const Traffic before = traffic_of(source.dev());
  track(on_source());
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_GT(traffic_of(source.dev()).read, before.read);
}

TEST_F(TrackerTest, RotationToAFreshLogReadsNothingAndLosesNoMark) {
  interpose();
  const auto volume = open("vol");
  EXPECT_EQ(volume->write_block(9 * kRegionBlocks, 1), 0);
  stack->preload({WriteMode::Kind::kTracking, 1});
  const Traffic before = traffic_of(source.dev());
  stack->switch_writes(SuspendMode::kFlush, [] {});
  EXPECT_EQ(volume->write_block(30 * kRegionBlocks, 1), 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(traffic_of(source.dev()).read, before.read);
  EXPECT_THAT(marked_in_log(0), ElementsAre(9));
  EXPECT_THAT(marked_in_log(1), ElementsAre(30));
}

TEST_F(TrackerTest, ABadSectorFailsNoOtherRead) {
  make("vol", with_bad_sector(800));
  interpose();
  const auto volume = open("vol");
  EXPECT_EQ(volume->write_block(5, 1), 0);
  EXPECT_EQ(volume->read_block(100), EIO);
  EXPECT_EQ(volume->read_block(99), 0);
  EXPECT_EQ(volume->read_block(5000), 0);
}

// The rule's reason: through the mirror, one bad sector fails every read.
TEST_F(TrackerTest, WithoutTheBypassABadSectorWouldFailEveryRead) {
  write_log(0, true);
  track(with_bad_sector(800));
  const auto wr = open("wr");
  EXPECT_EQ(wr->write_block(5, 1), 0);
  EXPECT_EQ(wr->read_block(100), EIO);
  EXPECT_EQ(wr->read_block(5000), EIO);
}

TEST_F(TrackerTest, AWriteErrorOfBaseShowsInTheStatusOnlyAndEndsWithAReload) {
  make("vol", with_bad_sector(800));
  interpose();
  const auto volume = open("vol");
  const auto events = control.find("dmjob-j-wr")->event_nr;
  EXPECT_EQ(volume->write_block(100, 1), EIO);
  EXPECT_EQ(status("dmjob-j-wr").legs.front(), Health::kDead);
  EXPECT_EQ(control.find("dmjob-j-wr")->event_nr, events);
  EXPECT_EQ(volume->write_block(5000, 1), EIO) << "a clean region, on a good sector";

  stack->preload({WriteMode::Kind::kTracking, 1});
  stack->switch_writes(SuspendMode::kFlush, [] {});
  EXPECT_EQ(volume->write_block(5000, 1), 0);
}

// A source that does take discards: a loop device over a tmpfs.
class DiscardTest : public KernelStage {
 protected:
  DiscardTest() {
    EXPECT_EQ(shell("truncate -s 32M /dev/shm/thin.img && losetup /dev/loop6 /dev/shm/thin.img"),
              0);
    vol_ = make("vol", linear_table(kSize, makedev(7, 6)));
  }
  ~DiscardTest() override {
    if (stack) stack->withdraw(SuspendMode::kNoFlush);
    control.remove("vol");
    EXPECT_EQ(shell("losetup -d /dev/loop6; rm /dev/shm/thin.img"), 0);
  }
  dev_t vol_ = 0;
};

TEST_F(DiscardTest, TheVolumeTakesNoneWhileTracking) {
  EXPECT_EQ(open("vol")->discard(0, 256), 0);
  interpose();
  EXPECT_EQ(open("vol")->discard(0, 256), EOPNOTSUPP);
  EXPECT_THAT(marked_in_log(0), IsEmpty());
}

// wr itself takes none either, whatever limits the volume got at some other time.
TEST_F(DiscardTest, NothingThatTheLogDoesNotMarkComesToTheSource) {
  interpose();
  for (const char* part : {"vol", "dmjob-j-wr"}) {
    const dev_t dev = control.find(part)->dev;
    EXPECT_EQ(sysfs_number(dev, "queue/discard_max_bytes"), 0U) << part;
    EXPECT_EQ(sysfs_number(dev, "queue/write_zeroes_max_bytes"), 0U) << part;
    EXPECT_EQ(open(part)->discard(0, 256), EOPNOTSUPP) << part;
    EXPECT_EQ(open(part)->secure_erase(0, 256), EOPNOTSUPP) << part;
  }
  EXPECT_THAT(marked_in_log(0), IsEmpty());
}

TEST_F(DiscardTest, ZeroesAreWrittenAndMarked) {
  EXPECT_EQ(open("vol")->write_block(0, 1), 0);
  interpose();
  EXPECT_EQ(open("vol")->zero_out(0, 1), 0);
  EXPECT_EQ(open("vol")->fill_of(0), 0);
  EXPECT_THAT(marked_in_log(0), ElementsAre(0U));
}

TEST_F(DiscardTest, TheVolumeTakesThemAgainAfterwards) {
  interpose();
  stack->withdraw(SuspendMode::kFlush);
  stack.reset();
  EXPECT_EQ(open("vol")->discard(0, 256), 0);
}

}  // namespace
}  // namespace dmjob::dm

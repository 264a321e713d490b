// SPDX-License-Identifier: LGPL-2.1-or-later
// What the design says of mirroring: exactly "1 handle_errors", and why not the other words.
#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <thread>

#include "tests/kernel/dm/stage.h"

namespace dmjob::dm {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint64_t kBadSector = 20000;
constexpr std::uint64_t kBadRegion = kBadSector / kRegion;
constexpr unsigned char kGood = 0x11;   // what the source has
constexpr unsigned char kStale = 0x22;  // what the target has

// A source with a sector that can be written and not read, a stale target, and a log that tells to
// copy that region and three others.
class UnreadableSector : public KernelStage {
 protected:
  UnreadableSector() {
    source.fill_all(kGood);
    target_disk.fill_all(kStale);
    write_log(0, true, {kBadRegion, 300, 301, 400});
    base_ = make("base", Table::parse("0 65536 dust " + print_dev(source.dev()) + " 0 4096"));
    EXPECT_EQ(shell("dmsetup message base 0 quiet && dmsetup message base 0 addbadblock " +
                    std::to_string(kBadSector / 8) + " && dmsetup message base 0 enable"),
              0);
  }

  void mirror_with(const std::string& features) {
    Segment segment = mirror_table(kSize, make_log(0), kRegion, base_, target).segments()[0];
    const std::string ours = " 1 handle_errors";
    EXPECT_TRUE(segment.args.ends_with(ours));
    segment.args.resize(segment.args.size() - ours.size());
    segment.args += features;
    make("wr", Table({segment}));
    std::this_thread::sleep_for(std::chrono::seconds(1));
    last_status_ = status("wr");
    control.remove("wr");
    control.remove("base");
  }

  // Regions of the source that no longer have what they had.
  Regions overwritten() {
    Regions found;
    for (const std::uint64_t region : {kBadRegion, 300UL, 301UL, 400UL}) {
      if (source.fill_of(region * kRegionBlocks) != kGood) found.push_back(region);
    }
    return found;
  }

  dev_t base_ = 0;
  MirrorStatus last_status_;
};

TEST_F(UnreadableSector, StaysOutOfSyncAndNothingOfTheSourceIsOverwritten) {
  mirror_with(" 1 handle_errors");
  EXPECT_THAT(overwritten(), IsEmpty());
  EXPECT_LT(last_status_.regions_in_sync, kRegions);
  EXPECT_FALSE(last_status_.in_sync());
  EXPECT_THAT(marked_in_log(0), Contains(kBadRegion));
}

// The rule's reason: with keep_log stale regions of the target are copied over the source.
TEST_F(UnreadableSector, WithKeepLogGoodRegionsOfTheSourceWouldBeOverwritten) {
  mirror_with(" 2 handle_errors keep_log");
  EXPECT_THAT(overwritten(), Not(IsEmpty()));
}

// The rule's reason: with no feature word the status calls a region in sync that could not be read.
// Only the log on disk knows better.
TEST_F(UnreadableSector, WithoutAFeatureWordTheStatusWouldCallItInSync) {
  mirror_with("");
  EXPECT_EQ(last_status_.regions_in_sync, kRegions);
  EXPECT_THAT(marked_in_log(0), ElementsAre(kBadRegion));
}

class MirrorTest : public KernelStage {
 protected:
  // A write that the mirror holds, since the target has failed.
  void hold_a_write() {
    be_ready();
    break_device("target");
    volume_ = open("vol");
    held_ = std::async(std::launch::async, [this] { return volume_->write_block(77, 0x33); });
    EXPECT_TRUE(wait_for([this] { return !status("dmjob-j-wr").in_sync(); }));
    EXPECT_EQ(held_.wait_for(std::chrono::milliseconds(500)), std::future_status::timeout);
  }
  std::unique_ptr<Disk> volume_;
  std::future<int> held_;
};

TEST_F(MirrorTest, CopiesJustWhatTheLogMarks) {
  source.fill_all(kGood);
  target_disk.fill_all(kStale);
  write_log(0, true, {2, 200});
  make("wr", mirror_table(kSize, make_log(0), kRegion, source.dev(), target));
  ASSERT_TRUE(wait_in_sync("wr"));
  EXPECT_EQ(target_disk.fill_of(2 * kRegionBlocks), kGood);
  EXPECT_EQ(target_disk.fill_of(201 * kRegionBlocks - 1), kGood);
  EXPECT_EQ(target_disk.fill_of(3 * kRegionBlocks), kStale);
}

TEST_F(MirrorTest, WritesBothSides) {
  be_ready();
  EXPECT_EQ(open("vol")->write_block(1000, 0x44), 0);
  EXPECT_EQ(source.fill_of(1000), 0x44);
  EXPECT_EQ(target_disk.fill_of(1000), 0x44);
}

TEST_F(MirrorTest, AFailedTargetHoldsWritesAndASwitchToTrackingLosesNone) {
  hold_a_write();
  stack->switch_writes(SuspendMode::kNoFlush, [] {});
  EXPECT_EQ(held_.get(), 0);
  EXPECT_EQ(source.fill_of(77), 0x33);
  Regions marked = marked_in_log(1);
  for (const auto region : marked_in_log(2)) marked.push_back(region);
  EXPECT_THAT(marked, Contains(77 / kRegionBlocks));
}

// The rule's reason: with a flush the held writes fail.
TEST_F(MirrorTest, ASwitchWithFlushWouldFailTheHeldWrites) {
  hold_a_write();
  stack->switch_writes(SuspendMode::kFlush, [] {});
  EXPECT_EQ(held_.get(), EIO);
}

TEST_F(MirrorTest, AHealedTargetGetsTheDifferenceOnly) {
  hold_a_write();
  stack->switch_writes(SuspendMode::kNoFlush, [] {});
  EXPECT_EQ(held_.get(), 0);
  heal_device("target", target_disk.dev());
  Regions marked = marked_in_log(1);
  stack->preload({WriteMode::Kind::kMirroring, 0});
  stack->switch_writes(SuspendMode::kFlush, [&] {
    for (const auto region : marked_in_log(2)) marked.push_back(region);
    write_log(0, true, marked);
  });
  ASSERT_TRUE(wait_in_sync("dmjob-j-wr"));
  EXPECT_LE(marked.size(), 2U);
  EXPECT_THAT(differences(), IsEmpty());
}

TEST_F(MirrorTest, AFailedLogShowsInTheStatus) {
  write_log(0, true);
  const dev_t log = make_log(0);
  const dev_t err = make("err", error_table(kSize));
  make("wr", tracker_table(kSize, log, kRegion, source.dev(), err));
  break_device("log0");
  open("wr")->write_block(9, 1);
  EXPECT_NE(status("wr").log, Health::kAlive);
}

TEST_F(MirrorTest, TheLogOnDiskIsCleanOnceBothSidesAreFlushed) {
  be_ready();
  EXPECT_EQ(open("vol")->write_block(1000, 0x44), 0);
  // The region is marked while written to, and cleared a moment later.
  EXPECT_TRUE(wait_for([this] { return marked_in_log(1).empty(); }));
}

}  // namespace
}  // namespace dmjob::dm

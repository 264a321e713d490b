// SPDX-License-Identifier: LGPL-2.1-or-later
// A volume's overlay at work: its disks and their marks, and what it makes the kernel do.
#include "libjob/volumes/overlay_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <system_error>

#include "libjob/core/error.h"
#include "tests/volumes/overlay_fixture.h"

namespace dmjob::volumes {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class OverlayDeviceTest : public OverlayStory {
 protected:
  std::unique_ptr<io::BlockDevice> open_scratch() {
    return io::open_device(scratch->path(), io::Access::kReadWrite);
  }
  void overwrite_mark() {
    ASSERT_FALSE(open_scratch()->write(0, io::AlignedBuffer(OverlayDevice::kMarkBytes).bytes()));
  }
};

// --- making ---

TEST_F(OverlayDeviceTest, ACowInAFileIsAllocatedAheadOfItsBoundary) {
  hold();
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_EQ(look().boundary, boundary_for(least_bytes() + kSlice));
  EXPECT_GE(store::CowSpace::open(volume.overlay->cow, false).allocated(), least_bytes() + kSlice);
}

TEST_F(OverlayDeviceTest, ACowWithRoomForAllOfTheVolumeHasNoBoundary) {
  write_to_disk(kSize * 2);
  hold();
  EXPECT_EQ(look().boundary, length());
}

TEST_F(OverlayDeviceTest, ACowOnASmallDiskIsUsedUpToTheMargin) {
  write_to_disk(20 * kMiB);
  hold();
  EXPECT_EQ(look().boundary, boundary_for(20 * kMiB - OverlayDevice::kMarkBytes));
}

TEST_F(OverlayDeviceTest, IsMadeWithTheLeastThatItNeedsWhereThereIsNoMore) {
  const test::SmallFileSystem small(folder.path("small"), least_bytes() + kMiB);
  write_to_file(small.path("cow"));
  hold();
  EXPECT_EQ(look().boundary, boundary_for(least_bytes()));
}

TEST_F(OverlayDeviceTest, IsNotMadeWithoutRoom) {
  const test::SmallFileSystem small(folder.path("small"), 4 * kMiB);
  write_to_file(small.path("cow"));
  EXPECT_THAT(refusal_of([&] { make(); }),
              HasSubstr("cow has no room: name another with --scratch"));
  EXPECT_THAT(kernel.log(), IsEmpty());
}

TEST_F(OverlayDeviceTest, OnADiskThatIsTooSmallForTheVolumeIsNotOpened) {
  volume.sectors = 2 * kSize / 512;
  EXPECT_THAT(refusal_of([&] { make(); }),
              HasSubstr(" is smaller than volume 'vol': it is not the disk that it was"));
}

// --- whose disks they are ---

TEST_F(OverlayDeviceTest, KnowsItsScratchByItsMark) {
  write_to_disk(kSize);
  hold();
  EXPECT_EQ(refusal_of([&] { open(); }), "");
  volume.uuid = "fedcba9876543210fedcba9876543210";
  EXPECT_THAT(refusal_of([&] { open(); }), HasSubstr("does not hold what was written to 'vol'"));
}

TEST_F(OverlayDeviceTest, WhoseMarkWasOverwrittenIsNotOpened) {
  write_to_disk(kSize);
  hold();
  overwrite_mark();
  EXPECT_THAT(refusal_of([&] { open(); }), HasSubstr("it is another disk, or was overwritten"));
}

TEST_F(OverlayDeviceTest, AnotherDiskInThePlaceOfItsScratchIsNotTakenForIt) {
  write_to_disk(kSize);
  hold();
  volume.overlay->cow_disk = {"boot 8:16 1", "wwid=other"};
  EXPECT_EQ(refusal_of([&] { open(); }),
            "another disk is in the place of its scratch " + scratch->path());
}

TEST_F(OverlayDeviceTest, AnotherDiskInThePlaceOfItsOwnIsNotTakenForIt) {
  hold();
  volume.overlay->origin_disk = {"boot 8:16 1", "wwid=other"};
  EXPECT_EQ(refusal_of([&] { open(); }), "another disk is in the place of its disk " + disk.path());
}

TEST_F(OverlayDeviceTest, WhoseFileIsGoneIsNotMadeAnew) {
  hold();
  end_of_power();
  std::filesystem::remove(folder.path("cow"));
  EXPECT_EQ(refusal_of([&] { open(); }),
            "scratch " + folder.path("cow") +
                " is not there, and what was written to 'vol' since "
                "it was made is in it: bring it back, or throw that away (dmjob rollback vol)");
  EXPECT_FALSE(has_cow_file());
}

// --- given up by the kernel ---

TEST_F(OverlayDeviceTest, GivenUpIsMarkedGoodAndReadAnew) {
  for (const char* word : {"Invalid", "Overflow"}) {
    write_to_disk(kSize);
    hold();
    give_up(word);
    EXPECT_TRUE(is_given_up(look()));
    open().mend();
    EXPECT_FALSE(is_given_up(look()));
    EXPECT_EQ(valid_word(), 1U);
    EXPECT_EQ(read_header().bytes()[100], std::byte{7}) << "the rest of the header";
    EXPECT_EQ(look().kind, Kind::kHolding);
    end_of_power();
  }
}

TEST_F(OverlayDeviceTest, GivenUpWithTheMarkNotWrittenIsReadAnew) {
  write_to_disk(kSize);
  hold();
  kernel.set_status("vol", "Invalid");
  open().mend();
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_FALSE(is_given_up(look()));
}

TEST_F(OverlayDeviceTest, WhoseScratchHoldsNoSnapshotAnyMoreIsNotMended) {
  write_to_disk(kSize);
  hold();
  give_up();
  write_header(0, 0x12345678);
  EXPECT_THROW(open().mend(), std::system_error);
  EXPECT_EQ(valid_word(), 0U);
  EXPECT_THAT(kernel.log(), IsEmpty());
}

TEST_F(OverlayDeviceTest, ThatIsWellIsNotMended) {
  write_to_disk(kSize);
  hold();
  write_header(0);
  open().mend();
  kernel.set_status("vol", "Merge failed");
  open().mend();
  EXPECT_THAT(kernel.log(), IsEmpty());
  EXPECT_EQ(valid_word(), 0U);
}

// The kernel would pass all I/O to the disk, and merge over it once the mark is taken back.
TEST_F(OverlayDeviceTest, GivenUpIsNotMergedBeforeItIsMended) {
  hold();
  give_up();
  EXPECT_THROW(open().begin_merge(), std::system_error);
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_THAT(kernel.log(), IsEmpty()) << "no writer had to wait for that";
  open().mend();
  open().begin_merge();
  EXPECT_EQ(look().kind, Kind::kMerging);
}

TEST_F(OverlayDeviceTest, AMergeWhoseScratchIsMarkedIsNotPaused) {
  merge();
  write_header(0);
  EXPECT_THROW(open().pause_merge(), std::system_error);
  EXPECT_EQ(look().kind, Kind::kMerging);
}

TEST_F(OverlayDeviceTest, AMergeOverAGivenUpScratchIsNeverTakenForGoodAgain) {
  merge();
  give_up();
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(refusal_of([&] { open().mend(); }),
                HasSubstr("was merged while its scratch " + volume.overlay->cow.place.path));
    EXPECT_EQ(look().kind, Kind::kFailing);
    EXPECT_EQ(valid_word(), 0U);
  }
  end_of_power();
  EXPECT_THROW(open().activate(), MixedUp);
  EXPECT_EQ(look().kind, Kind::kNone);
}

// --- merging ---

TEST_F(OverlayDeviceTest, AMergeNeedsAllOfTheCow) {
  merge();
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_EQ(look().boundary, length());
}

TEST_F(OverlayDeviceTest, APausedMergeHoldsBeforeTheEndOfWhatIsThere) {
  merge();
  EXPECT_TRUE(open().pause_merge());
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_GE(look().boundary, boundary_for(least_bytes() + kSlice));
  EXPECT_LT(look().boundary, length());
}

// Compared with what is reserved. The file is sparse, and longer.
TEST_F(OverlayDeviceTest, AMergeThatLeavesNoRoomForAWriteMoreIsNotPaused) {
  const test::SmallFileSystem small(folder.path("small"), least_bytes() + kMiB);
  write_to_file(small.path("cow"));
  merge();
  fill_cow(boundary_for(least_bytes()) + 8);
  EXPECT_FALSE(open().pause_merge());
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_THAT(kernel.log(), IsEmpty());
  fill_cow(boundary_for(least_bytes()));
  EXPECT_TRUE(open().pause_merge());
}

TEST_F(OverlayDeviceTest, ForAPauseTheScratchGrowsIfItCan) {
  merge();
  fill_cow(boundary_for(least_bytes() + kSlice) + 8);
  EXPECT_TRUE(open().pause_merge());
  EXPECT_LE(look().status.used, look().boundary);
}

// Once the kernel has read the notes anew they may be more than it had counted.
TEST_F(OverlayDeviceTest, APauseThatTurnsOutToHaveNoRoomIsTakenBack) {
  const test::SmallFileSystem small(folder.path("small"), least_bytes() + kMiB);
  write_to_file(small.path("cow"));
  merge();
  fill_cow(boundary_for(least_bytes()) + 8);
  kernel.set_status("vol", "64/" + std::to_string(length()) + " 16");  // until the next table
  EXPECT_FALSE(open().pause_merge());
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_EQ(look().boundary, length());
}

TEST_F(OverlayDeviceTest, AMergeDoesNotBeginBeyondWhatIsReserved) {
  const test::SmallFileSystem small(folder.path("small"), least_bytes() + kMiB);
  write_to_file(small.path("cow"));
  hold();
  const std::uint64_t may_wait = dm::OverlayStack::most_waiting(kChunk);
  fill_cow(look().boundary + may_wait + 8);
  EXPECT_THAT(refusal_of([&] { open().begin_merge(); }), HasSubstr("has no room for the writes"));
  EXPECT_THAT(kernel.log(), IsEmpty());
  fill_cow(look().boundary + may_wait);
  open().begin_merge();
  EXPECT_EQ(look().kind, Kind::kMerging);
}

TEST_F(OverlayDeviceTest, AMergeWithRoomForAllCanAlwaysBePaused) {
  write_to_disk(kSize * 2);
  merge();
  fill_cow(length());
  EXPECT_TRUE(open().pause_merge());
  EXPECT_EQ(look().boundary, length());
}

TEST_F(OverlayDeviceTest, AMergeThatFailedKeepsItsCowAndBeginsAgain) {
  merge();
  kernel.set_status("vol", "Merge failed");
  open().begin_merge();
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_EQ(look().status.used, 256U);
  EXPECT_TRUE(has_cow_file());
}

// --- the end ---

TEST_F(OverlayDeviceTest, AtItsEndLeavesTheDiskAlone) {
  merge();
  discard();
  EXPECT_TRUE(is_disk_alone());
  EXPECT_FALSE(has_cow_file());
}

TEST_F(OverlayDeviceTest, AtItsEndTakesItsMarkAwaySoThatNoneTakesItForACow) {
  write_to_disk(kSize);
  merge();
  discard();
  EXPECT_THAT(refusal_of([&] { open(); }), HasSubstr("does not hold what was written to 'vol'"));
}

TEST_F(OverlayDeviceTest, AtItsEndLeavesAloneWhatElseIsInThePlaceOfItsScratch) {
  write_to_disk(kSize);
  merge();
  const store::ScratchPlace& place = volume.overlay->cow.place;
  const auto device = io::open_device(place.path, io::Access::kReadWrite);
  io::AlignedBuffer others(OverlayDevice::kMarkBytes);
  std::ranges::fill(others.bytes(), std::byte{7});
  const std::uint64_t offset = place.offset - OverlayDevice::kMarkBytes;
  ASSERT_FALSE(device->write(offset, others.bytes()));
  discard();
  ASSERT_FALSE(device->read(offset, others.bytes()));
  EXPECT_THAT(others.bytes(), testing::Each(std::byte{7}));
}

TEST_F(OverlayDeviceTest, EndsWithoutItsScratch) {
  write_to_disk(kSize);
  merge();
  volume.overlay->cow.place.path = "/dev/is/not/there";
  discard();
  EXPECT_TRUE(is_disk_alone());
}

TEST_F(OverlayDeviceTest, ACowThatTheVolumeUsesIsNotForgotten) {
  hold();
  EXPECT_THROW(forget_cow(kernel, ledger, volume), std::system_error);
  EXPECT_TRUE(has_cow_file());
  EXPECT_EQ(look().kind, Kind::kHolding);
}

}  // namespace
}  // namespace dmjob::volumes

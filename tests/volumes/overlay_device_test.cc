// SPDX-License-Identifier: LGPL-2.1-or-later
// A volume's overlay at work: its disks and their marks, and what it makes the kernel do.
#include "libjob/volumes/overlay_device.h"

#include <endian.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <system_error>

#include "libjob/core/error.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "tests/volumes/overlay_fixture.h"

namespace dmjob::volumes {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class OverlayDeviceTest : public OverlayStory {
 protected:
  using Words = std::array<std::uint32_t, 2>;  // of the kernel's header: magic, valid

  std::unique_ptr<io::BlockDevice> open_scratch() {
    return io::open_device(scratch->path(), io::Access::kReadWrite);
  }
  void overwrite_mark() {
    ASSERT_FALSE(open_scratch()->write(0, io::AlignedBuffer(OverlayDevice::kMarkBytes).bytes()));
  }
  void write_header(const Words& words) {
    io::AlignedBuffer block(4096);
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::uint32_t word = htole32(words[i]);
      std::memcpy(block.bytes().data() + i * sizeof word, &word, sizeof word);
    }
    block.bytes()[100] = std::byte{7};
    ASSERT_FALSE(open_scratch()->write(OverlayDevice::kMarkBytes, block.bytes()));
  }
  io::AlignedBuffer read_header() {
    io::AlignedBuffer block(4096);
    EXPECT_FALSE(open_scratch()->read(OverlayDevice::kMarkBytes, block.bytes()));
    return block;
  }
  std::uint32_t valid_word() {
    std::uint32_t word = 0;
    std::memcpy(&word, read_header().bytes().data() + sizeof word, sizeof word);
    return le32toh(word);
  }
  // As the kernel does it when a disk fails.
  void give_up(const char* word = "Invalid") {
    kernel.set_status("vol", word);
    write_header({kMagic, 0});
  }

  static constexpr std::uint32_t kMagic = 0x70416e53;  // "SnAp"
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
  std::filesystem::remove(folder.path("cow"));
  EXPECT_NE(refusal_of([&] { open(); }), "");
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

TEST_F(OverlayDeviceTest, GivenUpInAMergeMergesOn) {
  write_to_disk(kSize);
  merge();
  give_up();
  open().mend();
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_EQ(valid_word(), 1U);
}

TEST_F(OverlayDeviceTest, WhoseScratchHoldsNoSnapshotAnyMoreIsNotMended) {
  write_to_disk(kSize);
  hold();
  give_up();
  write_header({0x12345678, 0});
  EXPECT_THROW(open().mend(), std::system_error);
  EXPECT_EQ(valid_word(), 0U);
  EXPECT_THAT(kernel.log(), IsEmpty());
}

TEST_F(OverlayDeviceTest, ThatIsWellIsNotMended) {
  write_to_disk(kSize);
  hold();
  write_header({kMagic, 0});
  open().mend();
  kernel.set_status("vol", "Merge failed");
  open().mend();
  EXPECT_THAT(kernel.log(), IsEmpty());
  EXPECT_EQ(valid_word(), 0U);
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

TEST_F(OverlayDeviceTest, AMergeThatLeavesNoRoomForAWriteMoreIsNotPaused) {
  merge();
  fill_cow(length() - margin() + 8);
  EXPECT_FALSE(open().pause_merge());
  EXPECT_EQ(look().kind, Kind::kMerging);
  EXPECT_THAT(kernel.log(), IsEmpty());
  fill_cow(length() - margin());
  EXPECT_TRUE(open().pause_merge());
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

// SPDX-License-Identifier: LGPL-2.1-or-later
// Space for exceptions, on loop devices. As root.
#include "libjob/store/cow_space.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <system_error>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/io/fd.h"
#include "tests/support/small_file_system.h"
#include "tests/support/temp_folder.h"

namespace dmjob::store {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

class CowSpaceTest : public testing::Test {
 protected:
  CowPlace place(std::uint64_t bytes = 8 * kMiB) const {
    return {{ScratchPlace::Kind::kFile, folder_.path("cow"), 0}, bytes};
  }
  std::uint64_t allocated() const {
    struct stat status{};
    return stat(folder_.path("cow").c_str(), &status) == 0
               ? static_cast<std::uint64_t>(status.st_blocks) * 512
               : 0;
  }
  void write_first_block(const CowSpace& space, std::byte value) {
    const auto disk = io::open_device(space.dev(), io::Access::kReadWrite);
    io::AlignedBuffer block(4096);
    block.bytes()[0] = value;
    ASSERT_FALSE(disk->write(space.offset(), block.bytes()));
  }
  std::byte first_byte(const CowSpace& space) {
    const auto disk = io::open_device(space.dev(), io::Access::kRead);
    io::AlignedBuffer block(4096);
    EXPECT_FALSE(disk->read(space.offset(), block.bytes()));
    return block.bytes()[0];
  }

  test::TempFolder folder_;
};

// dm-snap-persistent.c: the header's chunk, then areas of one chunk of metadata and the chunks that
// it tells of.
TEST(CowSpaceSize, CountsHeaderMetadataAndData) {
  constexpr std::uint64_t kChunk = 16 << 10;
  constexpr std::uint64_t kOfAnArea = kChunk / 16;
  EXPECT_EQ(CowSpace::most_bytes(kChunk, kChunk), 3 * kChunk);
  EXPECT_EQ(CowSpace::most_bytes(kChunk + 1, kChunk), 4 * kChunk);
  EXPECT_EQ(CowSpace::most_bytes((kOfAnArea - 1) * kChunk, kChunk), (kOfAnArea + 1) * kChunk);
  EXPECT_EQ(CowSpace::most_bytes(kOfAnArea * kChunk, kChunk), (kOfAnArea + 3) * kChunk);
}

TEST_F(CowSpaceTest, OfAFileIsAllocatedASliceAtATime) {
  CowSpace space = CowSpace::open(place(), true);
  EXPECT_EQ(space.bytes(), 8 * kMiB);
  EXPECT_EQ(space.reserved(), 0U);
  EXPECT_LT(allocated(), kMiB);
  EXPECT_TRUE(space.reserve(2 * kMiB));
  EXPECT_EQ(space.reserved(), 2 * kMiB);
  EXPECT_GE(allocated(), 2 * kMiB);
  EXPECT_LT(allocated(), 3 * kMiB);
  EXPECT_TRUE(space.reserve(100 * kMiB));
  EXPECT_EQ(space.reserved(), 8 * kMiB);
}

// What is behind a hole counts as little as what the file system needs for itself.
TEST_F(CowSpaceTest, OfAFileHasWhatIsThereWithoutAHole) {
  const test::TempFolder on_disk("/var/tmp");  // a tmpfs would have no map of its files
  const std::string path = on_disk.path("cow");
  CowSpace space = CowSpace::open({{ScratchPlace::Kind::kFile, path, 0}, 8 * kMiB}, true);
  EXPECT_LT(space.allocated(), kMiB);  // the header
  EXPECT_TRUE(space.reserve(2 * kMiB));
  const io::Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  for (int i = 5; i < 300; ++i)  // more extents than one look returns
    ASSERT_EQ(posix_fallocate(file.get(), static_cast<off_t>(2 * kMiB) + i * 16384, 4096), 0);
  EXPECT_EQ(space.allocated(), 2 * kMiB);
  ASSERT_EQ(posix_fallocate(file.get(), 0, static_cast<off_t>(8 * kMiB)), 0);
  EXPECT_EQ(space.allocated(), 8 * kMiB);
}

TEST_F(CowSpaceTest, IsOneDiskForAllWhoOpenIt) {
  CowSpace space = CowSpace::open(place(), true);
  CowSpace again = CowSpace::open(place(), false);
  EXPECT_EQ(again.dev(), space.dev());
  EXPECT_EQ(again.reserved(), 0U);
}

TEST_F(CowSpaceTest, IsTakenUpWithWhatItHad) {
  for (const char* folder : {"/var/tmp", "/dev/shm"}) {  // with a map and without
    const test::TempFolder there(folder);
    const CowPlace on_disk{{ScratchPlace::Kind::kFile, there.path("cow"), 0}, 8 * kMiB};
    CowSpace space = CowSpace::open(on_disk, true);
    ASSERT_TRUE(space.reserve(2 * kMiB));
    CowSpace again = CowSpace::open(on_disk, false);
    EXPECT_TRUE(again.take_up());
    EXPECT_GE(again.reserved(), 2 * kMiB);
    EXPECT_LT(again.reserved(), 3 * kMiB);
  }
}

// An allocation that writes would race with whoever writes through the loop device.
TEST_F(CowSpaceTest, IsRefusedWhereAllocatingMeansWriting) {
  const std::string folder = folder_.path("old");
  ASSERT_EQ(std::system(("truncate -s 16M " + folder + ".img && mkfs.ext4 -q -O ^extents,^64bit " +
                         folder + ".img && mkdir " + folder + " && mount -o loop " + folder +
                         ".img " + folder)
                            .c_str()),
            0);
  std::string refused;
  try {
    CowSpace::open({{ScratchPlace::Kind::kFile, folder + "/cow", 0}, 8 * kMiB}, true);
  } catch (const std::system_error& error) {
    refused = error.what();
  }
  EXPECT_NE(refused.find("cannot reserve room for a file"), std::string::npos) << refused;
  EXPECT_EQ(std::system(("umount " + folder).c_str()), 0);
}

TEST_F(CowSpaceTest, BeginsEmptyButIsTakenUpAsItIs) {
  CowSpace space = CowSpace::open(place(), true);
  EXPECT_EQ(first_byte(space), std::byte{0});
  write_first_block(space, std::byte{1});
  EXPECT_EQ(first_byte(CowSpace::open(place(), false)), std::byte{1});
  EXPECT_EQ(first_byte(CowSpace::open(place(), true)), std::byte{0});
}

TEST_F(CowSpaceTest, OfAPartOfADiskIsAllThere) {
  const CowSpace disk = CowSpace::open(place(), true);
  const std::string path = io::device_path(disk.dev());
  const CowPlace part{{ScratchPlace::Kind::kTail, path, 4 * kMiB}, 4 * kMiB};
  CowSpace space = CowSpace::open(part, true);
  EXPECT_EQ(space.dev(), disk.dev());
  EXPECT_EQ(space.offset(), 4 * kMiB);
  EXPECT_EQ(space.reserved(), 4 * kMiB);
  EXPECT_TRUE(space.reserve(9 * kMiB));
  EXPECT_EQ(space.reserved(), 4 * kMiB);
}

TEST_F(CowSpaceTest, SaysSoIfThereIsNoRoom) {
  const test::SmallFileSystem small(folder_.path("small"), 2 * kMiB);
  CowSpace space =
      CowSpace::open({{ScratchPlace::Kind::kFile, small.path("cow"), 0}, 8 * kMiB}, true);
  EXPECT_FALSE(space.reserve(4 * kMiB));
  EXPECT_EQ(space.reserved(), 0U);
}

TEST_F(CowSpaceTest, ThatIsGoneIsNotMadeAnew) {
  EXPECT_THROW(CowSpace::open(place(), false), std::system_error);
}

TEST_F(CowSpaceTest, IsRemovedWithItsFile) {
  {
    const CowSpace space = CowSpace::open(place(), true);
  }
  CowSpace::remove(place());
  EXPECT_THROW(CowSpace::open(place(), false), std::system_error);
}

TEST_F(CowSpaceTest, HasARecord) { EXPECT_EQ(CowPlace::restore(place().record()), place()); }

}  // namespace
}  // namespace dmjob::store

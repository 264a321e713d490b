// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/chain_proof.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/fake_disk.h"
#include "tests/support/temp_folder.h"

namespace dmjob::volumes {
namespace {

constexpr std::uint64_t kRegion = 64 << 10;
constexpr std::uint64_t kRegions = 4096;
constexpr std::uint64_t kSize = kRegions * kRegion + 512;

class SampleTest : public testing::Test {
 protected:
  SampleTest() { target.fill(1); }
  void sample_it() { sample = take_sample(*target.open(), places_to_sample(copied, 5)); }
  std::optional<std::uint64_t> change() { return find_change(*target.open(), sample, marked); }

  test::FakeDisk target{{.size = kSize + kRegion}};
  io::DirtyBitmap copied{kSize, kRegion};
  io::DirtyBitmap marked{kSize, kRegion};
  Sample sample;
};

TEST_F(SampleTest, OfAnUntouchedDiskFindsNothing) {
  sample_it();
  EXPECT_EQ(change(), std::nullopt);
}

TEST_F(SampleTest, FindsEachChangeOfTheFirstMebibyte) {
  sample_it();
  for (std::uint64_t offset = 0; offset < 1 << 20; offset += kRegion) {
    target.flip(offset + kRegion - 512, 512);
    EXPECT_EQ(change(), offset);
    target.flip(offset + kRegion - 512, 512);
  }
}

TEST_F(SampleTest, FindsAChangeOfTheLastSector) {
  sample_it();
  target.flip(kSize - 512, 512);
  EXPECT_NE(change(), std::nullopt);
}

TEST_F(SampleTest, FindsAnOlderImageByWhatTheLastBackupHasCopied) {
  copied.set(1234);
  sample_it();
  target.flip(1234 * kRegion + kRegion - 512, 512);
  EXPECT_EQ(change(), 1234 * kRegion);
}

TEST_F(SampleTest, IsBounded) {
  copied.set_all();
  EXPECT_LE(places_to_sample(copied, 0).size(), 16U + 64 + 257 + 1);
}

TEST_F(SampleTest, LooksElsewhereEachTime) {
  EXPECT_NE(places_to_sample(copied, 1), places_to_sample(copied, 2));
}

TEST_F(SampleTest, PassesOverWhatIsMarked) {
  sample_it();
  target.flip(3 * kRegion, 512);
  marked.set(3);
  EXPECT_EQ(change(), std::nullopt);
}

TEST_F(SampleTest, PassesOverWhatCannotBeRead) {
  sample_it();
  target.flip(3 * kRegion, 512);
  target.fail_reads(3 * kRegion, 512);
  EXPECT_EQ(change(), std::nullopt);
}

TEST_F(SampleTest, IsThereAfterARestart) {
  copied.set(7);
  sample_it();
  EXPECT_EQ(restore_sample(record_of(sample)), sample);
}

TEST_F(SampleTest, OfADiskSmallerThanAPlaceIsAllOfIt) {
  const io::DirtyBitmap small(8 << 10, 4096);
  for (const io::Extent& place : places_to_sample(small, 1))
    EXPECT_LE(place.offset + place.length, small.size());
}

TEST(MarkTest, OfADiskTellsWritesWithinOneBoot) {
  const std::string noted = "boot=a dev=8:0 diskseq=4 written=8+0";
  EXPECT_EQ(compare_marks(noted, noted), Since::kUntouched);
  EXPECT_EQ(compare_marks(noted, "boot=a dev=8:0 diskseq=4 written=16+0"), Since::kWrittenTo);
  EXPECT_EQ(compare_marks(noted, "boot=b dev=8:0 diskseq=4 written=8+0"), Since::kUnknown);
  EXPECT_EQ(compare_marks(noted, "boot=a dev=8:0 diskseq=5 written=8+0"), Since::kUnknown);
  EXPECT_EQ(compare_marks(noted, "boot=a dev=8:0 diskseq=4 unknown=1.1"), Since::kUnknown);
  EXPECT_EQ(compare_marks("", noted), Since::kUnknown);
}

TEST(MarkTest, OfAPartitionTellsNothingOfItsDiskWhenAnotherOneCameOrWent) {
  const std::string head = "boot=a dev=8:1 diskseq=4 partition=";
  const std::string noted = head + "70 of,70,71 written=8+3";
  EXPECT_EQ(compare_marks(noted, noted), Since::kUntouched);
  EXPECT_EQ(compare_marks(noted, head + "70 of,70,71 written=8+4"), Since::kWrittenTo);
  EXPECT_EQ(compare_marks(noted, head + "70 of,70 written=8+900"), Since::kUnknown);
  EXPECT_EQ(compare_marks(noted, head + "70 of,70,71,72 written=8+3"), Since::kUnknown);
  EXPECT_EQ(compare_marks(noted, head + "70 of,70 written=9+900"), Since::kWrittenTo);
  EXPECT_EQ(compare_marks(noted, head + "80 of,80,81 written=0+900"), Since::kUnknown);
}

TEST(MarkTest, OfAFileOutlivesABoot) {
  const std::string noted = "file=8:0/12 size=4096 mtime=1 ctime=1";
  EXPECT_EQ(compare_marks(noted, "file=8:16/12 size=4096 mtime=1 ctime=1"), Since::kUntouched);
  EXPECT_EQ(compare_marks(noted, "file=8:0/13 size=4096 mtime=1 ctime=1"), Since::kWrittenTo);
  EXPECT_EQ(compare_marks(noted, "file=8:0/12 size=4096 mtime=1 ctime=2"), Since::kWrittenTo);
}

TEST(MarkTest, OfAFileThatWasWrittenToIsAnother) {
  const test::TempFolder folder;
  const std::string path = folder.path("image");
  std::ofstream(path) << "old";
  const std::string noted = write_mark(path);
  EXPECT_EQ(compare_marks(noted, write_mark(path)), Since::kUntouched);
  std::ofstream(path) << "new";
  EXPECT_EQ(compare_marks(noted, write_mark(path)), Since::kWrittenTo);
  EXPECT_EQ(write_mark(folder.path("none")), "");
}

}  // namespace
}  // namespace dmjob::volumes

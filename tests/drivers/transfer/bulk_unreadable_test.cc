// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "tests/drivers/transfer/bulk_copy_fixture.h"
#include "tests/support/temp_folder.h"

namespace dmjob::drivers {
namespace {

using ::testing::HasSubstr;

// A copy that ignores what cannot be read.
class UnreadableTest : public BulkCopyTest {
 protected:
  UnreadableTest() { plan_.on_source_error = core::OnError::kIgnore; }

  std::size_t listed() const { return bulk_->bad_blocks().extents().size(); }
};

TEST_F(UnreadableTest, AnIgnoredBlockIsGivenUpAndReadsAsZeroes) {
  begin();
  target_.fill(2);
  source_.fail_reads(at(5), 512);
  const BulkCopy::Slice end = slice();
  ASSERT_EQ(end.ignored.size(), 1U);
  EXPECT_EQ(bulk_->dirty().count(), 0U);
  EXPECT_TRUE(bulk_->bad_blocks().has(5));
  EXPECT_EQ(target_.content().at(at(5)), std::byte{0});
  EXPECT_EQ(target_.content().at(at(5) + 512), source_.content().at(at(5) + 512));
}

TEST_F(UnreadableTest, ABlockIsNotGivenUpWhereTheSourceAsAWholeHasFailed) {
  begin();
  source_.fail_reads(at(5), 512);
  const auto lost = [] { throw std::runtime_error("the instant is lost"); };
  EXPECT_THROW(bulk_->run_slice(progress_, std::chrono::seconds(1), lost), std::runtime_error);
  EXPECT_EQ(listed(), 0U);
}

TEST_F(UnreadableTest, AnIgnoredBlockOfARegionThatWasNotFinishedIsMetAgain) {
  plan_.on_target_error = core::OnError::kStop;
  begin();
  source_.fail_reads(at(5), 512);
  target_.fail_writes(at(5) + 4096, 4096);
  BulkCopy::Slice end = slice();
  ASSERT_TRUE(end.error);
  EXPECT_TRUE(end.ignored.empty());
  EXPECT_TRUE(bulk_->dirty().test(5));
  target_.heal();
  EXPECT_EQ(slice().ignored.size(), 1U);
}

TEST_F(UnreadableTest, ABlockThatWasWrittenToAndHealedIsListedNoMore) {
  begin();
  source_.fail_reads(at(5), 1024);
  slice();
  ASSERT_EQ(listed(), 1U);
  EXPECT_EQ(bulk_->bad_blocks().extents().front().offset, at(5));
  bulk_->dirty().set(5);
  slice();
  EXPECT_EQ(listed(), 1U);
  source_.heal();
  bulk_->dirty().set(5);
  slice();
  EXPECT_EQ(listed(), 0U);
  EXPECT_EQ(target_.content(), source_.content());
}

TEST_F(UnreadableTest, ARegionThatCanBeNeitherReadNorWrittenStaysDirty) {
  plan_.on_target_error = core::OnError::kIgnore;
  begin();
  source_.fail_reads(at(5), 512);
  target_.fail_writes(at(5) + 4096, 4096);
  slice();
  EXPECT_TRUE(bulk_->dirty().test(5));
  EXPECT_EQ(listed(), 0U);
}

TEST_F(UnreadableTest, WhatIsGivenUpIsTriedAgainByTheNextStart) {
  begin();
  source_.fail_reads(at(5), 512);
  slice();
  bulk_->checkpoint();
  EXPECT_EQ(stored_dirty(), 1U);
}

TEST_F(UnreadableTest, AGivenUpRegionThatIsWrittenIsCopiedAgain) {
  begin();
  source_.fail_reads(at(5), 512);
  slice();
  source_.heal();
  source_.fill(3);
  bulk_->dirty().set(5);
  bulk_->dirty().set(6);
  control_.stop();  // a pause must not keep it from being copied: the volume is suspended
  bulk_->copy_bad_blocks_again();
  EXPECT_EQ(target_.content().at(at(5)), source_.content().at(at(5)));
  EXPECT_FALSE(bulk_->dirty().test(5));
  EXPECT_TRUE(bulk_->dirty().test(6));
}

TEST_F(UnreadableTest, AGivenUpRegionThatTheTargetRefusesStaysDirty) {
  begin();
  source_.fail_reads(at(5), 512);
  slice();
  source_.heal();
  bulk_->dirty().set(5);
  target_.fail_writes(at(5), kGranularity);
  bulk_->copy_bad_blocks_again();
  EXPECT_TRUE(bulk_->dirty().test(5));
  EXPECT_FALSE(bulk_->bad_blocks().has(5));
}

TEST_F(UnreadableTest, ZeroesThatTheTargetRefusesAreItsError) {
  plan_.on_target_error = core::OnError::kIgnore;
  begin();
  source_.fail_reads(at(5), 512);
  target_.fail_writes(at(5), 512);
  const BulkCopy::Slice end = slice();
  ASSERT_TRUE(end.error);
  EXPECT_FALSE(end.error->is_read);
  EXPECT_TRUE(bulk_->dirty().test(5));
  EXPECT_EQ(listed(), 0U);
}

TEST_F(UnreadableTest, InALargerBlockOfTheTargetOnlyTheBadSectorIsZero) {
  test::FakeDisk large_blocks({.size = kSize, .alignment = 4096});
  large_blocks.fill(2);
  begin();
  bulk_->replace_target(large_blocks.open());
  source_.fail_reads(at(5) + 512, 512);
  EXPECT_FALSE(slice().error);
  bulk_->replace_target(target_.open());
  std::vector<std::byte> expected = source_.content();
  std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(at(5) + 512), 512, std::byte{0});
  EXPECT_EQ(large_blocks.content(), expected);
}

// --- the second try ---

TEST_F(UnreadableTest, ABlockThatCanBeReadAtTheSecondTryIsCopiedAndListedNoMore) {
  begin();
  source_.fail_reads(at(5), 512);
  slice();
  source_.heal();
  source_.reset_counts();
  EXPECT_TRUE(bulk_->try_bad_blocks_again());
  EXPECT_EQ(slice().end, io::CopyEnd::kClean);
  EXPECT_EQ(source_.counts().bytes_read, kGranularity);
  EXPECT_EQ(target_.content(), source_.content());
  EXPECT_EQ(listed(), 0U);
  EXPECT_FALSE(bulk_->try_bad_blocks_again());
}

TEST_F(UnreadableTest, ABlockThatIsBadForGoodIsTriedOnceMoreAndNotForEver) {
  begin();
  source_.fail_reads(at(5), 512);
  slice();
  EXPECT_TRUE(bulk_->try_bad_blocks_again());
  EXPECT_EQ(slice().ignored.size(), 1U);
  EXPECT_EQ(listed(), 1U);
  EXPECT_FALSE(bulk_->try_bad_blocks_again());
  bulk_->renew_tries();
  EXPECT_TRUE(bulk_->try_bad_blocks_again());
}

TEST_F(UnreadableTest, ABlockStaysListedUntilItsSecondTryHasAnOutcome) {
  begin();
  source_.fail_reads(at(5), 512);
  slice();
  bulk_->try_bad_blocks_again();
  control_.stop();
  EXPECT_EQ(slice().end, io::CopyEnd::kStopped);
  EXPECT_EQ(listed(), 1U);
  control_.go_on();
  source_.heal();
  slice();
  EXPECT_EQ(listed(), 0U);
}

TEST_F(UnreadableTest, OfTwoBadBlocksInARegionTheHealedOneIsListedNoMore) {
  begin();
  source_.fail_reads(at(5), 512);
  source_.fail_reads(at(5) + 8192, 512);
  slice();
  EXPECT_EQ(listed(), 2U);
  source_.heal();
  source_.fail_reads(at(5) + 8192, 512);
  bulk_->try_bad_blocks_again();
  slice();
  ASSERT_EQ(listed(), 1U);
  EXPECT_EQ(bulk_->bad_blocks().extents().front().offset, at(5) + 8192);
}

// --- the map ---

class MapTest : public UnreadableTest {
 protected:
  MapTest() {
    plan_.source = "/dev/old";
    plan_.target = "/dev/new";
    map_ = ErrorMapFile(folder_.path("map"), plan_.uuid);
    source_.fail_reads(at(5), 512);
  }
  void end_copy() { bulk_.reset(); }
  std::string map() {
    map_.finish(std::chrono::seconds(60));
    EXPECT_EQ(map_.fault(), "");
    std::ifstream file(folder_.path("map"));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  test::TempFolder folder_;
};

TEST_F(MapTest, IsWrittenWithTheCheckpointThatMakesItTrue) {
  begin();
  slice();
  EXPECT_EQ(map(), "");
  ASSERT_FALSE(bulk_->checkpoint());
  EXPECT_THAT(map(), HasSubstr("source /dev/old, target /dev/new"));
  EXPECT_THAT(map(), HasSubstr("\n0x00000000  0x00050000  +\n0x00050000  0x00000200  -\n"
                               "0x00050200  0x000AFE00  +\n"));
}

TEST_F(MapTest, CallsNothingCopiedThatIsNotOnStableStorage) {
  begin();
  slice();
  target_.fail_flushes();
  ASSERT_TRUE(bulk_->checkpoint());
  end_copy();
  EXPECT_THAT(map(), HasSubstr("\n0x00000000  0x00050000  ?\n0x00050000  0x00000200  -\n"
                               "0x00050200  0x000AFE00  ?\n"));
}

TEST_F(MapTest, OfACopyThatEndsHalfWayHasTheRestAsNotTried) {
  begin();
  slice();
  bulk_->dirty().set(9);
  ASSERT_FALSE(bulk_->checkpoint());
  end_copy();
  EXPECT_THAT(map(), HasSubstr("0x00050200  0x0003FE00  +\n0x00090000  0x00010000  ?\n"
                               "0x000A0000  0x00060000  +\n"));
}

TEST_F(MapTest, OfALiveCopyCallsNothingCopiedBeforeItHasEndedWell) {
  plan_.volume = "vol";
  begin();
  slice();
  ASSERT_FALSE(bulk_->checkpoint());
  EXPECT_THAT(map(), HasSubstr("0x00000000  0x00050000  ?\n0x00050000  0x00000200  -\n"));
  bulk_->note_success();
  EXPECT_THAT(map(), HasSubstr("0x00000000  0x00050000  +\n0x00050000  0x00000200  -\n"));
}

TEST_F(MapTest, OfAStaleCopyCallsNothingCopied) {
  begin();
  slice();
  ASSERT_FALSE(bulk_->checkpoint());
  bulk_->note_stale();
  end_copy();
  EXPECT_THAT(map(), HasSubstr("0x00000000  0x00050000  ?\n0x00050000  0x00000200  -\n"));
}

TEST_F(MapTest, IsWrittenAnewOnlyWhenItHasChanged) {
  begin();
  slice();
  ASSERT_FALSE(bulk_->checkpoint());
  map();
  bulk_->dirty().set(9);
  ASSERT_FALSE(bulk_->checkpoint());
  EXPECT_THAT(map(), HasSubstr("0x00050200  0x000AFE00  +\n"));
  source_.heal();
  bulk_->try_bad_blocks_again();
  slice();
  ASSERT_FALSE(bulk_->checkpoint());
  EXPECT_THAT(map(), HasSubstr("0x00000000  0x00100000  +\n"));
}

}  // namespace
}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/drivers/transfer/bulk_copy_fixture.h"

namespace dmjob::drivers {
namespace {

TEST_F(BulkCopyTest, CopiesEverythingAtFirst) {
  begin();
  EXPECT_EQ(slice().end, io::CopyEnd::kClean);
  EXPECT_EQ(target_.content(), source_.content());
}

TEST_F(BulkCopyTest, StoresNothingAsCopiedBeforeTheTargetIsFlushed) {
  begin();
  slice();
  EXPECT_EQ(stored_dirty(), kRegions);
  EXPECT_FALSE(bulk_->checkpoint());
  EXPECT_EQ(stored_dirty(), 0U);
  EXPECT_GT(target_.counts().flushes, 0U);
}

TEST_F(BulkCopyTest, CheckpointsNowAndThen) {
  begin();
  clock_.advance(BulkCopy::kCheckpointEvery);
  slice();
  EXPECT_EQ(stored_dirty(), 0U);
}

TEST_F(BulkCopyTest, WhatWasCopiedSinceAFailedFlushIsCopiedAgain) {
  begin();
  slice();
  ASSERT_FALSE(bulk_->checkpoint());
  bulk_->dirty().set(3);
  slice();
  target_.fail_flushes();
  EXPECT_TRUE(bulk_->checkpoint());
  EXPECT_EQ(bulk_->dirty().count(), 1U);
  EXPECT_TRUE(bulk_->dirty().test(3));
  EXPECT_EQ(stored_dirty(), 1U);
}

TEST_F(BulkCopyTest, AScratchThatFailsInTheTargetsTailIsTheTargetsFailure) {
  plan_.scratch.kind = ScratchPlace::Kind::kTail;
  begin();
  slice();
  scratch_disk_.fail_writes(0, kSize);
  const auto error = bulk_->checkpoint();
  ASSERT_TRUE(error);
  EXPECT_FALSE(error->is_read);
  EXPECT_EQ(bulk_->dirty().count(), kRegions);
}

TEST_F(BulkCopyTest, AScratchThatFailsByItselfIsAnError) {
  plan_.scratch.kind = ScratchPlace::Kind::kDevice;
  begin();
  slice();
  scratch_disk_.fail_writes(0, kSize);
  EXPECT_THROW(bulk_->checkpoint(), std::system_error);
}

TEST_F(BulkCopyTest, AReadErrorEndsTheSliceWithItsBlock) {
  begin();
  source_.fail_reads(at(5) + 512, 512);
  const BulkCopy::Slice end = slice();
  ASSERT_TRUE(end.error);
  EXPECT_TRUE(end.error->is_read);
  EXPECT_EQ(end.error->offset, at(5) + 512);
  EXPECT_EQ(end.error->length, 512U);
  EXPECT_TRUE(bulk_->dirty().test(5));
}

TEST_F(BulkCopyTest, AfterAStopExactlyTheRegionOfTheBadBlockIsTriedAgain) {
  plan_.on_source_error = core::OnError::kStop;
  begin();
  source_.fail_reads(at(5) + 512, 512);
  ASSERT_TRUE(slice().error);
  EXPECT_EQ(bulk_->dirty().count(), 1U);
  source_.heal();
  source_.reset_counts();
  EXPECT_EQ(slice().end, io::CopyEnd::kClean);
  EXPECT_EQ(source_.counts().bytes_read, kGranularity);
  EXPECT_EQ(target_.content(), source_.content());
}

TEST_F(BulkCopyTest, WhileTheTargetIsAwayNothingIsCopiedAndEverythingUnflushedIsDirty) {
  begin();
  slice();
  bulk_->close_target();
  EXPECT_EQ(slice().end, io::CopyEnd::kStopped);
  EXPECT_TRUE(bulk_->checkpoint());
  EXPECT_EQ(bulk_->dirty().count(), kRegions);
}

TEST_F(BulkCopyTest, GoesOnFromItsCheckpoint) {
  begin();
  slice();
  bulk_->checkpoint();
  bulk_.reset();
  scratch_.emplace(store::Scratch::open(scratch_disk_.open(), 0, plan_.uuid));
  bulk_.emplace(source_.open(), target_.open(), *scratch_, control_, clock_, plan_, map_);
  EXPECT_EQ(bulk_->dirty().count(), kRegions);
  bulk_->load_checkpoint();
  EXPECT_EQ(bulk_->dirty().count(), 0U);
}

// Else the next process, which finds the target as it was noted by then, would go on from it.
TEST_F(BulkCopyTest, ATargetThatIsNotTrustedHasNoCheckpointAnyMore) {
  begin();
  slice();
  bulk_->checkpoint();
  bulk_->distrust_target();
  EXPECT_EQ(bulk_->dirty().count(), kRegions);
  EXPECT_EQ(stored_dirty(), kRegions);
}

TEST_F(BulkCopyTest, ATargetThatComesBackGetsAllAgainThatWasNotFlushed) {
  begin();
  slice();
  bulk_->replace_target(spare_.open());
  EXPECT_EQ(bulk_->dirty().count(), kRegions);
  slice();
  EXPECT_EQ(spare_.content(), source_.content());
}

TEST_F(BulkCopyTest, ATargetThatComesBackIsTrustedWithWhatWasFlushed) {
  begin();
  slice();
  bulk_->checkpoint();
  bulk_->replace_target(target_.open());
  EXPECT_EQ(bulk_->dirty().count(), 0U);
}

}  // namespace
}  // namespace dmjob::drivers

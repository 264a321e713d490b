// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/bulk_copy.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_disk.h"

namespace dmjob::drivers {
namespace {

constexpr std::uint64_t kSize = 1 << 20;
constexpr std::uint64_t kGranularity = 65536;
constexpr std::uint64_t kRegions = kSize / kGranularity;

// A copy from one fake disk to another, with its scratch on a third.
class BulkCopyTest : public testing::Test {
 protected:
  BulkCopyTest() {
    source_.fill(1);
    plan_.uuid = "0123456789abcdef0123456789abcdef";
    plan_.size = kSize;
    plan_.granularity = kGranularity;
  }

  void begin() {
    scratch_.emplace(
        store::Scratch::format(scratch_disk_.open(), 0, plan_.uuid, kSize, kGranularity, 0));
    bulk_.emplace(source_.open(), target_.open(), *scratch_, control_, clock_, plan_);
  }
  BulkCopy::Slice slice() { return bulk_->run_slice(progress_, std::chrono::seconds(1)); }
  std::uint64_t stored_dirty() {
    return store::Scratch::open(scratch_disk_.open(), 0, plan_.uuid).load_checkpoint().count();
  }
  static std::uint64_t at(std::uint64_t region) { return region * kGranularity; }

  test::FakeDisk source_{{.size = kSize}};
  test::FakeDisk target_{{.size = kSize}};
  test::FakeDisk spare_{{.size = kSize}};
  test::FakeDisk scratch_disk_{{.size = kSize}};
  test::FakeClock clock_;
  io::CopyControl control_;
  core::Progress progress_;
  CopyPlan plan_;
  std::optional<store::Scratch> scratch_;
  std::optional<BulkCopy> bulk_;
};

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

TEST_F(BulkCopyTest, AnIgnoredBlockIsGivenUpAndReadsAsZeroes) {
  plan_.on_source_error = core::OnError::kIgnore;
  begin();
  target_.fill(2);
  source_.fail_reads(at(5), 512);
  const BulkCopy::Slice end = slice();
  ASSERT_EQ(end.ignored.size(), 1U);
  bulk_->give_up(end.ignored.front());
  EXPECT_EQ(bulk_->dirty().count(), 0U);
  EXPECT_TRUE(bulk_->given_up().test(5));
  EXPECT_EQ(target_.content().at(at(5)), std::byte{0});
  EXPECT_EQ(target_.content().at(at(5) + 512), source_.content().at(at(5) + 512));
}

TEST_F(BulkCopyTest, AnIgnoredBlockOfARegionThatWasNotFinishedIsMetAgain) {
  plan_.on_source_error = core::OnError::kIgnore;
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

TEST_F(BulkCopyTest, ABlockThatWasWrittenToAndHealedIsListedNoMore) {
  plan_.on_source_error = core::OnError::kIgnore;
  begin();
  source_.fail_reads(at(5), 1024);
  bulk_->accept(slice().ignored);
  ASSERT_EQ(bulk_->unreadable().size(), 1U);
  EXPECT_EQ(bulk_->unreadable().front().offset, at(5));
  bulk_->dirty().set(5);
  bulk_->accept(slice().ignored);
  EXPECT_EQ(bulk_->unreadable().size(), 1U);
  source_.heal();
  bulk_->dirty().set(5);
  slice();
  EXPECT_TRUE(bulk_->unreadable().empty());
  EXPECT_EQ(target_.content(), source_.content());
}

TEST_F(BulkCopyTest, ARegionThatCanBeNeitherReadNorWrittenStaysDirty) {
  plan_.on_source_error = core::OnError::kIgnore;
  plan_.on_target_error = core::OnError::kIgnore;
  begin();
  source_.fail_reads(at(5), 512);
  target_.fail_writes(at(5) + 4096, 4096);
  bulk_->accept(slice().ignored);
  EXPECT_TRUE(bulk_->dirty().test(5));
  EXPECT_TRUE(bulk_->unreadable().empty());
}

TEST_F(BulkCopyTest, WhileTheTargetIsAwayNothingIsCopiedAndEverythingUnflushedIsDirty) {
  begin();
  slice();
  bulk_->close_target();
  EXPECT_EQ(slice().end, io::CopyEnd::kStopped);
  EXPECT_TRUE(bulk_->checkpoint());
  EXPECT_EQ(bulk_->dirty().count(), kRegions);
}

TEST_F(BulkCopyTest, WhatIsGivenUpIsTriedAgainByTheNextStart) {
  plan_.on_source_error = core::OnError::kIgnore;
  begin();
  source_.fail_reads(at(5), 512);
  bulk_->give_up(slice().ignored.front());
  bulk_->checkpoint();
  EXPECT_EQ(stored_dirty(), 1U);
}

TEST_F(BulkCopyTest, AGivenUpRegionThatIsWrittenIsCopiedAgain) {
  plan_.on_source_error = core::OnError::kIgnore;
  begin();
  source_.fail_reads(at(5), 512);
  bulk_->give_up(slice().ignored.front());
  source_.heal();
  source_.fill(3);
  bulk_->dirty().set(5);
  bulk_->dirty().set(6);
  control_.stop();  // a pause must not keep it from being copied: the volume is suspended
  bulk_->copy_given_up_again();
  EXPECT_EQ(target_.content().at(at(5)), source_.content().at(at(5)));
  EXPECT_FALSE(bulk_->dirty().test(5));
  EXPECT_TRUE(bulk_->dirty().test(6));
}

TEST_F(BulkCopyTest, AGivenUpRegionThatTheTargetRefusesStaysDirty) {
  plan_.on_source_error = core::OnError::kIgnore;
  begin();
  source_.fail_reads(at(5), 512);
  bulk_->give_up(slice().ignored.front());
  source_.heal();
  bulk_->dirty().set(5);
  target_.fail_writes(at(5), kGranularity);
  bulk_->copy_given_up_again();
  EXPECT_TRUE(bulk_->dirty().test(5));
  EXPECT_FALSE(bulk_->given_up().test(5));
}

TEST_F(BulkCopyTest, GoesOnFromItsCheckpoint) {
  begin();
  slice();
  bulk_->checkpoint();
  bulk_.reset();
  scratch_.emplace(store::Scratch::open(scratch_disk_.open(), 0, plan_.uuid));
  bulk_.emplace(source_.open(), target_.open(), *scratch_, control_, clock_, plan_);
  EXPECT_EQ(bulk_->dirty().count(), kRegions);
  bulk_->load_checkpoint();
  EXPECT_EQ(bulk_->dirty().count(), 0U);
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

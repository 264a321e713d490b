// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/drivers/bulk_copy_fixture.h"

namespace dmjob::drivers {
namespace {

using Extents = std::vector<io::Extent>;

class BulkVerifyTest : public BulkCopyTest {
 protected:
  void copied() {
    begin();
    slice();
  }
  BulkCopy::Look look() { return bulk_->verify_slice(progress_, std::chrono::seconds(1)); }
  bool recheck(Extents& suspects, std::uint64_t most = kSize) {
    return bulk_->recheck(suspects, most, found_);
  }

  io::Differences found_;
};

TEST_F(BulkVerifyTest, WhatWasCopiedIsEqual) {
  copied();
  EXPECT_EQ(bulk_->unverified_bytes(), kSize);
  EXPECT_EQ(look().end, io::CopyEnd::kClean);
  EXPECT_EQ(bulk_->unverified_bytes(), 0U);
}

TEST_F(BulkVerifyTest, WhatDiffersIsOneSuspectARegionAndNotVerified) {
  copied();
  target_.flip(at(3) + 512, 1);
  target_.flip(at(3) + 4096, 1);
  const BulkCopy::Look found = look();
  EXPECT_EQ(found.differences.bytes(), 1024U);
  EXPECT_EQ(found.suspects, (Extents{{at(3) + 512, 4096}}));
  EXPECT_EQ(bulk_->unverified_bytes(), kGranularity);
}

TEST_F(BulkVerifyTest, OnlyWhatWasDirtySinceIsVerifiedAnew) {
  copied();
  look();
  bulk_->dirty().set(5);
  slice();
  EXPECT_EQ(bulk_->unverified_bytes(), kGranularity);
  bulk_->dirty().set(6);
  bulk_->hand_over_dirty();
  EXPECT_EQ(bulk_->dirty().count(), 0U);
  EXPECT_EQ(bulk_->unverified_bytes(), 2 * kGranularity);
}

TEST_F(BulkVerifyTest, WhatIsGivenUpIsNoDifferenceEvenIfTheSourceCanBeReadAgain) {
  plan_.on_source_error = core::OnError::kIgnore;
  source_.fail_reads(at(3), 512);
  copied();
  EXPECT_TRUE(look().unreadable.empty());
  EXPECT_EQ(bulk_->unverified_bytes(), 0U);
  source_.heal();
  bulk_->dirty().set_all();
  bulk_->hand_over_dirty();
  target_.flip(at(3) + 512, 1);
  EXPECT_EQ(look().suspects, (Extents{{at(3) + 512, 512}}));
}

TEST_F(BulkVerifyTest, ASourceThatFailsByNowIsTold) {
  plan_.on_source_error = core::OnError::kIgnore;
  copied();
  source_.fail_reads(at(3), 512);
  const BulkCopy::Look found = look();
  ASSERT_EQ(found.unreadable.size(), 1U);
  EXPECT_EQ(found.unreadable[0].offset, at(3));
}

TEST_F(BulkVerifyTest, ATargetsErrorIsNeverIgnored) {
  plan_.on_target_error = core::OnError::kIgnore;
  copied();
  target_.fail_reads(at(3), 512);
  const BulkCopy::Look found = look();
  EXPECT_EQ(found.end, io::CopyEnd::kError);
  ASSERT_TRUE(found.error);
  EXPECT_FALSE(found.error->at_source);
  EXPECT_GE(bulk_->unverified_bytes(), kGranularity);
}

TEST_F(BulkVerifyTest, WithoutATargetNothingIsVerified) {
  copied();
  bulk_->close_target();
  EXPECT_EQ(look().end, io::CopyEnd::kStopped);
  EXPECT_EQ(bulk_->unverified_bytes(), kSize);
  Extents suspects{{at(3), 512}};
  EXPECT_FALSE(recheck(suspects));
}

TEST_F(BulkVerifyTest, ASuspectThatIsEqualByNowIsVerified) {
  copied();
  target_.flip(at(3) + 700, 1);
  Extents suspects = look().suspects;
  target_.flip(at(3) + 700, 1);
  EXPECT_TRUE(recheck(suspects));
  EXPECT_TRUE(suspects.empty());
  EXPECT_EQ(found_.bytes(), 0U);
  EXPECT_EQ(bulk_->unverified_bytes(), 0U);
}

TEST_F(BulkVerifyTest, ASuspectThatStillDiffersStaysOneAndIsNamedToTheSector) {
  copied();
  target_.flip(at(3) + 700, 1);
  target_.flip(at(3) + 5000, 1);
  Extents suspects = look().suspects;
  target_.flip(at(3) + 700, 1);
  EXPECT_TRUE(recheck(suspects));
  EXPECT_EQ(suspects.size(), 1U);
  EXPECT_EQ(found_.places(), (Extents{{at(3) + 4608, 512}}));
}

TEST_F(BulkVerifyTest, NoMoreIsLookedAtThanAllowedAndTheRestStaysSuspect) {
  copied();
  Extents suspects{{at(3), 8192}, {at(4), 512}};
  EXPECT_TRUE(recheck(suspects, 4096));
  EXPECT_EQ(suspects, (Extents{{at(3) + 4096, 4096}, {at(4), 512}}));
  EXPECT_TRUE(recheck(suspects, 4096));
  EXPECT_EQ(suspects, (Extents{{at(4), 512}}));
}

TEST_F(BulkVerifyTest, ASuspectThatCannotBeReadIsNotSettled) {
  copied();
  source_.fail_reads(at(3), 512);
  Extents suspects{{at(3), 512}, {at(4), 512}};
  EXPECT_FALSE(recheck(suspects));
  EXPECT_EQ(suspects, (Extents{{at(3), 512}}));
}

}  // namespace
}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/drivers/transfer/bulk_copy_fixture.h"

namespace dmjob::drivers {
namespace {

using Extents = std::vector<io::Extent>;

class BulkVerifyTest : public BulkCopyTest {
 protected:
  void copied() {
    begin();
    slice();
  }
  BulkCopy::VerifyResult look() { return bulk_->verify_slice(progress_, std::chrono::seconds(1)); }
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
  const BulkCopy::VerifyResult found = look();
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
  const BulkCopy::VerifyResult found = look();
  ASSERT_EQ(found.unreadable.size(), 1U);
  EXPECT_EQ(found.unreadable[0].offset, at(3));
}

TEST_F(BulkVerifyTest, ATargetsErrorIsNeverIgnored) {
  plan_.on_target_error = core::OnError::kIgnore;
  copied();
  target_.fail_reads(at(3), 512);
  const BulkCopy::VerifyResult found = look();
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

TEST_F(BulkVerifyTest, WholeBlocksCountAsLookedAt) {
  copied();
  Extents suspects;
  for (std::uint64_t region = 0; region < 8; ++region) suspects.push_back({at(region) + 512, 512});
  source_.reset_counts();
  EXPECT_TRUE(recheck(suspects, 2048));
  EXPECT_EQ(source_.counts().bytes_read, 2048U);
  EXPECT_EQ(suspects.size(), 4U);
}

TEST_F(BulkVerifyTest, WhatIsNotWithinARegionIsNotReadAgain) {
  copied();
  source_.reset_counts();
  for (const io::Extent& wrong : Extents{{at(3) + 512, kGranularity},
                                         {at(3), std::uint64_t{0} - 512},
                                         {kSize - 512, 1024},
                                         {kSize, 512},
                                         {at(3), 0}}) {
    Extents suspects{wrong};
    EXPECT_THROW(recheck(suspects), std::logic_error) << wrong.offset;
  }
  EXPECT_EQ(source_.counts().reads, 0U);
}

TEST_F(BulkVerifyTest, ASuspectThatCannotBeReadIsNotSettled) {
  copied();
  source_.fail_reads(at(3), 512);
  Extents suspects{{at(3), 512}, {at(4), 512}};
  EXPECT_FALSE(recheck(suspects));
  EXPECT_EQ(suspects, (Extents{{at(3), 512}}));
}

// A volume above 1 TiB: its regions are larger than a request, so the parts of one end in any
// order.
class LargeRegionsTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kMiB = 1 << 20;
  static constexpr std::uint64_t kRegion = 4 * kMiB;

  LargeRegionsTest() {
    plan_.uuid = "0123456789abcdef0123456789abcdef";
    plan_.size = 2 * kRegion;
    plan_.granularity = kRegion;
    for (test::FakeDisk* disk : {&source_, &target_}) {
      disk->fill(1);
      disk->end_backwards();
    }
    scratch_.emplace(store::Scratch::format(scratch_disk_.open(), 0, plan_.uuid, plan_.size,
                                            plan_.granularity, 0));
    bulk_.emplace(source_.open(), target_.open(), *scratch_, control_, clock_, plan_, map_);
  }
  BulkCopy::VerifyResult look() { return bulk_->verify_slice(progress_, std::chrono::seconds(1)); }

  test::FakeDisk source_{{.size = 2 * kRegion}};
  test::FakeDisk target_{{.size = 2 * kRegion}};
  test::FakeDisk scratch_disk_{{.size = kMiB}};
  test::FakeClock clock_;
  io::CopyControl control_;
  core::Progress progress_;
  CopyPlan plan_;
  ErrorMapFile map_{"", ""};
  std::optional<store::Scratch> scratch_;
  std::optional<BulkCopy> bulk_;
};

TEST_F(LargeRegionsTest, ASuspectReachesFromTheFirstDifferenceToTheLastWhateverEndsFirst) {
  bulk_->hand_over_dirty();
  target_.flip(kRegion + 700, 1);
  target_.flip(kRegion + 3 * kMiB, 512);
  target_.flip(kMiB, 512);
  const BulkCopy::VerifyResult found = look();
  EXPECT_EQ(found.suspects, (Extents{{kMiB, 512}, {kRegion + 512, 3 * kMiB}}));
  EXPECT_EQ(found.differences.bytes(), 1536U);
}

TEST_F(LargeRegionsTest, ALookNeverReadsMoreThanItMay) {
  bulk_->hand_over_dirty();
  target_.flip(0, 2 * kRegion);
  Extents suspects = look().suspects;
  target_.flip(0, 2 * kRegion);
  io::Differences found;
  int looks = 0;
  for (; !suspects.empty() && looks < 100; ++looks) {
    source_.reset_counts();
    EXPECT_TRUE(bulk_->recheck(suspects, kMiB, found));
    EXPECT_LE(source_.counts().bytes_read, kMiB);
  }
  EXPECT_EQ(looks, 8);
  EXPECT_EQ(bulk_->unverified_bytes(), 0U);
}

}  // namespace
}  // namespace dmjob::drivers

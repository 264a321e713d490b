// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/compare/comparison.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_disk.h"

namespace dmjob::drivers {
namespace {

constexpr std::uint64_t kSize = 1 << 20;

class ComparisonTest : public testing::Test {
 protected:
  ComparisonTest() {
    source_.fill(1);
    target_.fill(1);
    plan_.size = kSize;
    plan_.granularity = 65536;
  }

  BulkCopy::VerifyResult look() {
    if (!comparison_) comparison_.emplace(source_.open(), target_.open(), control_, clock_, plan_);
    return comparison_->slice(progress_, std::chrono::seconds(1));
  }

  test::FakeDisk source_{{.size = kSize}};
  test::FakeDisk target_{{.size = kSize}};
  test::FakeClock clock_;
  io::CopyControl control_;
  core::Progress progress_;
  CopyPlan plan_;
  std::optional<Comparison> comparison_;
};

TEST_F(ComparisonTest, KeepsWhatEarlierSlicesHaveFound) {
  target_.flip(0, 1);
  target_.flip(kSize - 1, 1);
  source_.fail_reads(kSize / 2, 512);
  EXPECT_EQ(look().end, io::CopyEnd::kError);
  source_.heal();
  const BulkCopy::VerifyResult last = look();
  EXPECT_EQ(last.end, io::CopyEnd::kClean);
  EXPECT_EQ(last.left, 0U);
  EXPECT_EQ(last.differences.places(), (std::vector<io::Extent>{{0, 512}, {kSize - 512, 512}}));
}

TEST_F(ComparisonTest, EachSidesPolicySaysWhatIsLeftOut) {
  plan_.on_target_error = core::OnError::kIgnore;
  target_.fail_reads(4096, 512);
  EXPECT_EQ(look().end, io::CopyEnd::kClean);
  ASSERT_EQ(comparison_->unreadable().size(), 1U);
  EXPECT_FALSE(comparison_->unreadable()[0].at_source);
  comparison_.reset();
  source_.fail_reads(0, 512);
  EXPECT_EQ(look().end, io::CopyEnd::kError);
}

}  // namespace
}  // namespace dmjob::drivers

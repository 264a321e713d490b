// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/chain_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "libjob/core/error.h"
#include "libjob/io/disk_identity.h"
#include "tests/support/fake_disk.h"
#include "tests/support/temp_folder.h"

namespace dmjob::drivers {
namespace {

using testing::HasSubstr;

constexpr std::uint64_t kRegion = 64 << 10;
constexpr std::uint64_t kSize = 256 * kRegion + 512;

class SampleTest : public testing::Test {
 protected:
  SampleTest() {
    instant.fill(1);
    target.fill(1);
  }
  std::optional<std::uint64_t> difference() {
    return first_unmarked_difference(*instant.open(), *target.open(), marked);
  }

  test::FakeDisk instant{{.size = kSize}};
  test::FakeDisk target{{.size = kSize + kRegion}};
  io::DirtyBitmap marked{kSize, kRegion};
};

TEST_F(SampleTest, OfEqualDisksFindsNothing) { EXPECT_EQ(difference(), std::nullopt); }

TEST_F(SampleTest, LooksAtAllOfTheFirstMebibyte) {
  for (std::uint64_t offset = 0; offset < 1 << 20; offset += kRegion) {
    target.flip(offset + kRegion - 512, 512);
    EXPECT_EQ(difference(), offset);
    target.flip(offset + kRegion - 512, 512);
  }
}

TEST_F(SampleTest, LooksAtPlacesAllOver) {
  target.flip(200 * kRegion, 512);
  EXPECT_EQ(difference(), 200 * kRegion);
}

TEST_F(SampleTest, PassesOverWhatIsMarked) {
  target.flip(3 * kRegion, 512);
  marked.set(3);
  EXPECT_EQ(difference(), std::nullopt);
}

TEST_F(SampleTest, PassesOverWhatCannotBeRead) {
  target.flip(3 * kRegion, 512);
  instant.fail_reads(3 * kRegion, 512);
  EXPECT_EQ(difference(), std::nullopt);
}

TEST(TargetOfAChainTest, ThatWasWrittenToIsRefused) {
  const test::TempFolder folder;
  const std::string target = folder.path("image");
  std::ofstream(target) << "old";
  volumes::Tracking tracking;
  EXPECT_NO_THROW(require_untouched_target(tracking, target));  // noted by an older dmjobd
  tracking.target_mark = volumes::write_mark(target);
  EXPECT_NO_THROW(require_untouched_target(tracking, target));
  std::ofstream(target) << "new";
  EXPECT_THROW(require_untouched_target(tracking, target), core::Error);
}

TEST(TargetOfAChainTest, ThatOnlyASampleKnowsIsTold) {
  const test::TempFolder folder;
  const std::string target = folder.path("image");
  std::ofstream(target) << "old";
  volumes::Tracking tracking;
  tracking.target_mark = volumes::write_mark(target);
  tracking.boot = io::boot_id();
  EXPECT_EQ(what_is_not_proven(tracking, target), "");
  tracking.boot = "another";
  EXPECT_THAT(what_is_not_proven(tracking, target), HasSubstr("the disk of the volume past"));
  tracking.target_mark.clear();
  EXPECT_THAT(what_is_not_proven(tracking, target), HasSubstr("the target and the volume"));
  tracking.boot = io::boot_id();
  EXPECT_THAT(what_is_not_proven(tracking, target), HasSubstr("the disk of the target past"));
}

TEST(BackupChainTest, IsThereAfterARestart) {
  const BackupChain chain{BackupChain::Role::kIncremental, true, false, 7, 1700000000, "the disk"};
  EXPECT_EQ(BackupChain::restore(chain.record()), chain);
  nlohmann::json older = chain.record();
  older.erase("not-proven");
  EXPECT_EQ(BackupChain::restore(older).not_proven, "");
  nlohmann::json damaged = chain.record();
  damaged["role"] = "other";
  EXPECT_THROW(BackupChain::restore(damaged), std::invalid_argument);
}

}  // namespace
}  // namespace dmjob::drivers

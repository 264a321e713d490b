// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/features.h"

#include <gtest/gtest.h>

#include "tests/support/fake_control.h"

namespace dmjob::dm {
namespace {

TEST(MissingTargets, AreThoseNeitherLoadedNorToBeLoaded) {
  FakeControl kernel;  // has linear and error loaded
  kernel.set_modules({"delay", "mirror"});
  constexpr std::string_view kNeeded[] = {"linear", "snapshot", "delay", "mirror", "dust"};
  EXPECT_EQ(missing_targets(kernel, kNeeded), (std::vector<std::string>{"snapshot", "dust"}));
}

TEST(MissingModules, AreNamedOnceWithAllThatNeedsThem) {
  FakeControl kernel;
  kernel.set_modules({"delay", "snapshot", "snapshot-origin"});
  EXPECT_EQ(missing_modules(kernel),
            (std::vector<std::string>{
                "this kernel has no dm-mirror (modprobe dm-mirror), without which these are "
                "refused: copies of volumes in use, incremental backups",
                "this kernel has no dm-snapshot (modprobe dm-snapshot), without which these are "
                "refused: stream and commit"}));
  kernel.set_modules({});
  const auto lines = missing_modules(kernel);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines.front(),
            "this kernel has no dm-delay (modprobe dm-delay), without which these are refused: "
            "copies of volumes in use, incremental backups, overlays and snapshots");
  EXPECT_EQ(lines.back(),
            "this kernel has no dm-snapshot (modprobe dm-snapshot), without which these are "
            "refused: copies of volumes in use, backups and comparisons of volumes in use, "
            "incremental backups, overlays and snapshots, stream and commit");
}

TEST(MissingModules, AreNotLookedForInAKernelThatHasAll) {
  FakeControl kernel;
  EXPECT_EQ(missing_modules(kernel), std::vector<std::string>{});
}

}  // namespace
}  // namespace dmjob::dm

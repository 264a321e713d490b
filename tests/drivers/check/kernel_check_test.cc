// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests that need a target which the kernel lacks are refused before anything is done.
#include "libjob/drivers/check/kernel_check.h"

#include <gtest/gtest.h>

#include <functional>

#include "libjob/core/error.h"
#include "libjob/drivers/overlay/overlay_check.h"
#include "libjob/drivers/overlay/overlay_jobs_check.h"
#include "tests/support/fake_control.h"

namespace dmjob::drivers {
namespace {

std::string refusal(const std::function<void()>& request) {
  try {
    request();
  } catch (const core::Error& error) {
    return error.what();
  }
  return "";
}

class KernelCheckTest : public testing::Test {
 protected:
  KernelCheckTest() {
    volume_.name = "data";
    volume_.overlay.emplace();
    context_.control = &kernel_;
    context_.volumes["data"] = volume_;
  }

  dm::FakeControl kernel_;
  volumes::ManagedVolume volume_;
  CheckContext context_;
};

TEST_F(KernelCheckTest, ACopyNeedsWhatIsThere) {
  EXPECT_EQ(refusal([&] { require_targets(kernel_, dm::kTargetsOfCopy, "no"); }), "");
  kernel_.set_modules({"delay"});
  EXPECT_EQ(refusal([&] { require_targets(kernel_, dm::kTargetsOfCopy, "no copy of 'data'"); }),
            "this kernel has no dm target 'mirror' (modprobe dm-mirror): no copy of 'data'");
}

TEST_F(KernelCheckTest, AnOverlayIsRefusedWithoutSnapshots) {
  kernel_.set_modules({"delay", "mirror"});
  EXPECT_EQ(refusal([&] { check_overlay({.name = "new", .backing = "/dev/null"}, context_); }),
            "this kernel has no dm target 'snapshot' (modprobe dm-snapshot): volume 'new' cannot "
            "hold what is written to it");
  EXPECT_TRUE(kernel_.log().empty());
}

TEST_F(KernelCheckTest, ASnapshotIsRefusedWithoutDelay) {
  kernel_.set_modules({"snapshot"});
  context_.volumes["data"].overlay.reset();
  EXPECT_EQ(refusal([&] { check_snapshot({.name = "data", .backing = ""}, context_); }),
            "this kernel has no dm target 'delay' (modprobe dm-delay): volume 'data' cannot hold "
            "what is written to it");
  EXPECT_TRUE(kernel_.log().empty());
}

TEST_F(KernelCheckTest, StreamAndCommitAreRefusedWithoutMerges) {
  kernel_.set_modules({"delay", "snapshot", "snapshot-origin"});
  const std::string expected =
      "this kernel has no dm target 'snapshot-merge' (modprobe dm-snapshot): what was written to "
      "volume 'data' cannot be merged";
  CommitRequest commit;
  commit.volume = "data";
  EXPECT_EQ(refusal([&] { check_commit(commit, context_); }), expected);
  StreamRequest stream;
  stream.volume = "data";
  EXPECT_EQ(refusal([&] { check_stream(stream, context_); }), expected);
  EXPECT_TRUE(kernel_.log().empty());
}

}  // namespace
}  // namespace dmjob::drivers

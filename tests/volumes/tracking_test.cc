// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/tracking.h"

#include <gtest/gtest.h>

#include "libjob/volumes/managed_volumes.h"

namespace dmjob::volumes {
namespace {

Tracking tracking() {
  Tracking tracking;
  tracking.stage = Tracking::Stage::kProven;
  tracking.uuid = "0123";
  tracking.scratch = {store::ScratchPlace::Kind::kFile, "/var/lib/dmjob/tracker-data", 0};
  tracking.granularity = 65536;
  tracking.target = "/dev/disk/by-id/backup";
  tracking.target_disk = {"boot 8:1", "serial=1"};
  tracking.target_mark = "boot=b dev=8:16 diskseq=3 written=8+0";
  tracking.sample = {{0, 65536, 0xffffffff}, {1 << 20, 4096, 0}};
  tracking.under_way = true;
  tracking.boot = "b";
  tracking.last_backup = 1700000000;
  return tracking;
}

TEST(TrackingTest, IsThereAfterARestart) {
  EXPECT_EQ(Tracking::restore(tracking().record()), tracking());
}

TEST(TrackingTest, ABrokenChainTellsWhyAfterARestart) {
  Tracking broken = tracking();
  broken.stage = Tracking::Stage::kBroken;
  broken.broken = "its log failed";
  EXPECT_TRUE(Tracking::restore(broken.record()).is_broken());
  EXPECT_EQ(Tracking::restore(broken.record()), broken);
}

TEST(TrackingTest, OfAnOlderDaemonKnowsNothingOfItsTarget) {
  nlohmann::json record = tracking().record();
  for (const char* member : {"target-mark", "sample", "under-way", "boot"}) record.erase(member);
  const Tracking old = Tracking::restore(record);
  EXPECT_EQ(old.target, tracking().target);
  EXPECT_EQ(old.target_mark, "");
  EXPECT_TRUE(old.sample.empty());
}

TEST(TrackingTest, OfAnUnknownStageIsRefused) {
  nlohmann::json record = tracking().record();
  record["stage"] = "lost";
  EXPECT_THROW(Tracking::restore(record), std::invalid_argument);
}

TEST(TrackingTest, BelongsToItsVolume) {
  ManagedVolumes volumes;
  volumes.add({.name = "data", .uuid = "u", .device = "/dev/sda", .sectors = 2048});
  const auto without = volumes.record();
  volumes.set_tracking("data", tracking());
  ManagedVolumes next;
  next.restore(volumes.record());
  EXPECT_EQ(next.find("data")->tracking, tracking());
  volumes.set_tracking("data", std::nullopt);
  EXPECT_EQ(volumes.record(), without);
}

}  // namespace
}  // namespace dmjob::volumes

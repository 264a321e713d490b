// SPDX-License-Identifier: LGPL-2.1-or-later
// What the state file has of a volume that holds what is written to it.
#include "libjob/volumes/overlay.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "libjob/io/uuid.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::volumes {
namespace {

Overlay overlay(Overlay::Stage stage) {
  Overlay overlay;
  overlay.stage = stage;
  overlay.cow = {{store::ScratchPlace::Kind::kDevice, "/dev/scratch", 4096}, 1 << 20};
  overlay.cow_disk = {"boot 8:48", "serial=s"};
  overlay.origin_disk = {"boot 8:0", "serial=o"};
  overlay.chunk = 8;
  overlay.read_only = true;
  overlay.replaced = true;
  overlay.target = "/dev/target";
  overlay.target_disk = {"boot 8:16", "serial=t"};
  return overlay;
}

TEST(Overlay, IsTheSameAfterARestartInEachStage) {
  using Stage = Overlay::Stage;
  for (const Stage stage : {Stage::kHolding, Stage::kMerging, Stage::kDiscarding})
    EXPECT_EQ(Overlay::restore(overlay(stage).record()), overlay(stage));
}

TEST(Overlay, OfAnOlderRecordHasItsTableStill) {
  auto record = overlay(Overlay::Stage::kHolding).record();
  record.erase("replaced");
  EXPECT_FALSE(Overlay::restore(record).replaced);
}

TEST(Overlay, WhoseTableWasReplacedStaysSoToItsEnd) {
  ManagedVolumes volumes;
  volumes.add({.name = "data", .uuid = io::new_uuid(), .device = "/dev/old", .sectors = 2048});
  Overlay before = overlay(Overlay::Stage::kHolding);
  before.replaced = false;
  volumes.set_overlay("data", before);
  volumes.set_replaced("data");
  before.stage = Overlay::Stage::kMerging;
  volumes.set_overlay("data", before);
  EXPECT_TRUE(volumes.find("data")->overlay->replaced);
  volumes.set_overlay("data", std::nullopt);
  volumes.set_overlay("data", before);
  EXPECT_FALSE(volumes.find("data")->overlay->replaced);
}

TEST(Overlay, OfAnUnknownStageIsADamagedRecord) {
  auto record = overlay(Overlay::Stage::kHolding).record();
  record["stage"] = "flying";
  EXPECT_THROW(Overlay::restore(record), std::invalid_argument);
}

TEST(Overlay, ComesAndGoesWithItsVolume) {
  ManagedVolumes volumes;
  volumes.add({.name = "data", .uuid = io::new_uuid(), .device = "/dev/old", .sectors = 2048});
  const auto before = volumes.record();
  volumes.set_overlay("data", overlay(Overlay::Stage::kMerging));
  volumes.set_device("data", "/dev/new", {.instance = "", .lasting = "serial=new"});
  ManagedVolumes next;
  next.restore(volumes.record());
  EXPECT_EQ(next.find("data")->overlay, overlay(Overlay::Stage::kMerging));
  EXPECT_EQ(next.find("data")->device, "/dev/new");
  EXPECT_EQ(next.find("data")->disk.lasting, "serial=new");
  volumes.set_device("data", "/dev/old", {});
  volumes.set_overlay("data", std::nullopt);
  EXPECT_EQ(volumes.record(), before);
}

}  // namespace
}  // namespace dmjob::volumes

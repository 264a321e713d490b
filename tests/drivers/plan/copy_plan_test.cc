// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/plan/copy_plan.h"

#include <gtest/gtest.h>

namespace dmjob::drivers {
namespace {

CopyPlan plan() {
  CopyPlan plan;
  plan.uuid = "0123456789abcdef0123456789abcdef";
  plan.volume = "data";
  plan.source = "/dev/mapper/data";
  plan.target = "/dev/new";
  plan.source_disk = {"boot 8:0 1", "serial=17"};
  plan.target_disk = {"boot 8:16 3", "wwid=naa.5000"};
  plan.fixed_source = true;
  plan.managed = true;
  plan.size = 1 << 30;
  plan.granularity = 65536;
  plan.scratch = {ScratchPlace::Kind::kTail, "/dev/new", 1 << 30};
  plan.speed = 1 << 20;
  plan.on_source_error = core::OnError::kIgnore;
  plan.on_target_error = core::OnError::kStop;
  plan.error_map = "/var/tmp/data.map";
  plan.fingerprint = "boot 17";
  plan.target_file = "8 1234";
  plan.not_frozen = {"the btrfs at /srv"};
  return plan;
}

TEST(CopyPlanTest, IsTheSameAfterARestart) {
  EXPECT_EQ(CopyPlan::restore(plan().record()).record(), plan().record());
  EXPECT_EQ(CopyPlan::restore(plan().record()).on_target_error, core::OnError::kStop);
  EXPECT_EQ(CopyPlan::restore(plan().record()).scratch.kind, ScratchPlace::Kind::kTail);
}

TEST(CopyPlanTest, OfAVolumeIsLiveOfAFileIsNot) {
  CopyPlan of_file = plan();
  of_file.volume.clear();
  EXPECT_TRUE(plan().live());
  EXPECT_FALSE(of_file.live());
}

TEST(CopyPlanTest, OnlyWhatMayChangeIsTracked) {
  CopyPlan of_volume = plan();
  EXPECT_FALSE(of_volume.tracked());
  of_volume.fixed_source = false;
  EXPECT_TRUE(of_volume.tracked());
  of_volume.volume.clear();
  EXPECT_FALSE(of_volume.tracked());
}

TEST(CopyPlanTest, ADamagedRecordIsRefused) {
  const nlohmann::json whole = plan().record();
  for (const auto& member : whole.items()) {
    nlohmann::json damaged = whole;
    damaged.erase(member.key());
    // Older records have none of these.
    if (member.key() == "target-account" || member.key() == "not-frozen") continue;
    EXPECT_ANY_THROW(CopyPlan::restore(damaged)) << "without " << member.key();
  }
}

// All is copied once more then.
TEST(CopyPlanTest, ARecordOfAnOlderDaemonHasNoAccountOfItsTarget) {
  nlohmann::json record = plan().record();
  record.erase("target-account");
  EXPECT_EQ(CopyPlan::restore(record).target_account, "");
}

TEST(CopyPlanTest, ARecordOfAnOlderDaemonDoesNotTellWhatIsNotFrozen) {
  nlohmann::json record = plan().record();
  record.erase("not-frozen");
  EXPECT_TRUE(CopyPlan::restore(record).not_frozen.empty());
}

TEST(CopyPlanTest, AnUnknownWordInARecordIsRefused) {
  nlohmann::json damaged = plan().record();
  damaged["scratch"]["kind"] = "cloud";
  EXPECT_ANY_THROW(CopyPlan::restore(damaged));
  damaged = plan().record();
  damaged["on-source-error"] = "panic";
  EXPECT_ANY_THROW(CopyPlan::restore(damaged));
}

TEST(ScratchPlaceTest, MemorySaysWhatARebootCosts) {
  const ScratchPlace memory{ScratchPlace::Kind::kMemory, "/run/dmjob/scratch", 0};
  EXPECT_NE(memory.describe().find("reboot"), std::string::npos);
  EXPECT_EQ(plan().scratch.describe(), "tail of /dev/new");
}

}  // namespace
}  // namespace dmjob::drivers

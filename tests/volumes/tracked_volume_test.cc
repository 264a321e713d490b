// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/tracked_volume.h"

#include <gtest/gtest.h>

#include "dm/name.h"
#include "tests/volumes/tracker_fixture.h"

namespace dmjob::volumes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TrackedVolumeTest : public testing::Test, protected TrackedStage {
 protected:
  std::string activate(IfScratchIsLate if_late = IfScratchIsLate::kBreakChain) {
    return activate_tracked(kernel, ledger, volume, if_late);
  }
};

TEST_F(TrackedVolumeTest, IsFoundTrackedAfterARestart) {
  begin_proven();
  write_to({3}, 0);
  kernel.clear_log();
  EXPECT_EQ(activate(), "");
  EXPECT_THAT(kernel.log(), testing::IsEmpty());
  EXPECT_THAT(changed(), ElementsAre(3));
}

TEST_F(TrackedVolumeTest, ThatIsHalfMadeIsMadeAnew) {
  begin_proven();
  end_of_power();
  kernel.add_device("vol", dm::Table(), dm::volume_uuid(volume.uuid));
  EXPECT_THAT(activate(), HasSubstr("was written to before"));  // the look before all else
  EXPECT_FALSE(kernel.table("vol").segments().empty());
}

TEST_F(TrackedVolumeTest, ThatLostItsTrackerHasABrokenChain) {
  begin_proven();
  kernel.set_table("vol", own);
  EXPECT_THAT(activate(), HasSubstr("active without its tracker"));
  EXPECT_EQ(kernel.table("vol"), own);
}

TEST_F(TrackedVolumeTest, WhoseScratchIsGoneHasABrokenChain) {
  begin_proven();
  std::filesystem::remove(volume.tracking->scratch.path);
  EXPECT_THAT(activate(), HasSubstr("scratch"));
  EXPECT_TRUE(kernel.exists("vol"));
}

TEST_F(TrackedVolumeTest, WaitsForItsScratchOnlyWhileItIsNotThere) {
  begin_proven();
  const std::string scratch = volume.tracking->scratch.path;
  std::filesystem::rename(scratch, scratch + "-away");
  EXPECT_THAT(activate(IfScratchIsLate::kWait), HasSubstr("scratch"));  // it is active already
  end_of_power();
  kernel.clear_log();
  EXPECT_THROW(activate(IfScratchIsLate::kWait), ScratchIsLate);
  EXPECT_THAT(kernel.log(), testing::IsEmpty());
  std::filesystem::rename(scratch + "-away", scratch);
  write_to({3}, 0);
  EXPECT_THAT(changed(), ElementsAre(3));
  std::filesystem::remove(volume.device);
  EXPECT_THROW(activate(IfScratchIsLate::kWait), std::system_error);
}

TEST_F(TrackedVolumeTest, WithABrokenChainComesUpWithoutATracker) {
  begin_proven();
  end_of_power();
  volume.tracking->stage = Tracking::Stage::kBroken;
  volume.tracking->broken = "its log failed";
  EXPECT_EQ(activate(), "its log failed");
  EXPECT_TRUE(kernel.exists("vol"));
  EXPECT_FALSE(kernel.exists("dmjob-_vol-wr"));
}

TEST_F(TrackedVolumeTest, WithoutItsDiskIsNotActiveAndItsChainIsNotBroken) {
  begin_proven();
  end_of_power();
  std::filesystem::remove(volume.device);
  EXPECT_THROW(activate(), std::system_error);
  EXPECT_FALSE(kernel.exists("vol"));
  make_file("disk", kRegions * kGranularity);
  write_to({3}, 0);
}

// What a system without dmjob has written to the volume's disk.
class RequireAsSampledTest : public testing::Test, protected TrackedStage {
 protected:
  RequireAsSampledTest() {
    begin_proven();
    const auto disk = io::open_device(volume.device, io::Access::kRead);
    volume.tracking->sample = take_sample(*disk, places_to_sample(none(), 0));
    end_of_power();
  }
  void write_past_the_volume(std::uint64_t region) const {
    std::fstream file(volume.device, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(region * kGranularity)) << "other";
  }
  void look() { require_as_sampled(volume, tracker().changed()); }
  std::string refusal() {
    try {
      look();
    } catch (const core::Error& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(RequireAsSampledTest, AnUntouchedDiskIs) { EXPECT_NO_THROW(look()); }

TEST_F(RequireAsSampledTest, WhatNoMarkExplainsIsNamed) {
  write_past_the_volume(5);
  EXPECT_THAT(refusal(), testing::StartsWith(volume.device + " was written to past its volume"));
  EXPECT_THAT(refusal(), HasSubstr("byte " + std::to_string(5 * kGranularity)));
}

TEST_F(RequireAsSampledTest, WhatIsMarkedIsCopiedAnyway) {
  write_past_the_volume(5);
  write_to({5}, 0);
  EXPECT_EQ(refusal(), "");
  EXPECT_THAT(changed(), ElementsAre(5));
}

TEST_F(RequireAsSampledTest, AMarkElsewhereExplainsNothing) {
  write_past_the_volume(5);
  write_to({4, 6}, 0);
  EXPECT_NE(refusal(), "");
}

TEST_F(RequireAsSampledTest, WithoutASampleNothingIsKnown) {  // noted by an older dmjobd
  volume.tracking->sample.clear();
  write_past_the_volume(5);
  EXPECT_EQ(refusal(), "");
}

TEST_F(RequireAsSampledTest, ADiskThatIsNotThereIsAnError) {
  std::filesystem::remove(volume.device);
  EXPECT_THROW(look(), std::system_error);
}

}  // namespace
}  // namespace dmjob::volumes

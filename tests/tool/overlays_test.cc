// SPDX-License-Identifier: LGPL-2.1-or-later
// The daemon makes and ends overlays: in which order, and what is left if a step fails. And its
// watch over them.
#include "tool/dmjobd/overlays.h"

#include <gtest/gtest.h>

#include "tests/tool/overlays_fixture.h"

namespace dmjob::daemon {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

// --- making ---

TEST_F(OverlaysTest, AnOverlayIsThereAtOnce) {
  EXPECT_EQ(overlay(), "");
  EXPECT_TRUE(adopt().overlay->read_only);
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_TRUE(has_told("overlay"));
}

TEST_F(OverlaysTest, AnOverlayIsStoredBeforeTheKernelWritesToItsCow) {
  overlay();
  EXPECT_LT(at("store holding"), at("create dmjob-vol-vcow"));
}

TEST_F(OverlaysTest, AnOverlayThatDoesNotComeAboutLeavesNothing) {
  for (int call = 1; call <= 2; ++call) {
    kernel.fail_call("create", call, EIO);
    EXPECT_THAT(overlay(), StartsWith("overlay of volume 'vol' did not come about: create "));
    EXPECT_THAT(kernel.names(), IsEmpty());
    EXPECT_EQ(managed.find("vol"), nullptr);
    EXPECT_FALSE(has_cow());
  }
  EXPECT_FALSE(has_told("overlay"));
  EXPECT_EQ(overlay(), "") << "and can be tried again";
}

TEST_F(OverlaysTest, AnOverlayThatCannotBeStoredIsNotMade) {
  break_state_file();
  EXPECT_THAT(overlay(), HasSubstr("the state file in "));
  EXPECT_THAT(kernel.names(), IsEmpty());
  EXPECT_EQ(managed.find("vol"), nullptr);
  EXPECT_FALSE(has_cow());
}

TEST_F(OverlaysTest, AnOverlayOfATakenNameIsRefused) {
  attach();
  EXPECT_EQ(overlay(), "volume 'vol' exists already");
  EXPECT_FALSE(has_cow());
}

TEST_F(OverlaysTest, WithoutDeviceMapperAllIsRefused) {
  environment.control = nullptr;
  for (const std::string& said : {overlay(), snapshot(), rollback()})
    EXPECT_EQ(said, "this kernel has no device-mapper (modprobe dm-mod)");
}

TEST_F(OverlaysTest, ASnapshotBeginsWithOneInstantOfTheVolume) {
  attach();
  EXPECT_EQ(snapshot(), "");
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_LT(at("store holding"), at("suspend vol freeze"));
  EXPECT_TRUE(has_told("snapshot"));
  EXPECT_FALSE(adopt().overlay->merge_begun);
}

TEST_F(OverlaysTest, ASnapshotThatDoesNotComeAboutLeavesTheVolumeAsItWas) {
  attach();
  for (const char* call : {"create", "load", "suspend", "resume"}) {
    kernel.fail_call(call, 1, EIO);
    EXPECT_THAT(snapshot(), StartsWith("snapshot of volume 'vol' did not come about: "));
    EXPECT_TRUE(is_disk_alone()) << call;
    EXPECT_EQ(managed.find("vol")->overlay, std::nullopt);
    EXPECT_FALSE(has_cow());
    kernel.heal();
  }
  EXPECT_EQ(snapshot(), "") << "and can be tried again";
}

TEST_F(OverlaysTest, ASnapshotOfAVolumeThatAJobUsesIsRefused) {
  attach();
  start_job();
  EXPECT_EQ(snapshot(), "volume 'vol' is in use by job 'j7': end it first");
  EXPECT_TRUE(is_disk_alone());
}

// --- rollback ---

TEST_F(OverlaysTest, ARollbackGivesUpWhatIsHeldOnlyWhenTheVolumeIsClosed) {
  attach();
  snapshot();
  kernel.clear_log();
  EXPECT_EQ(rollback(), "");
  EXPECT_TRUE(is_disk_alone());
  EXPECT_FALSE(has_cow());
  EXPECT_EQ(managed.find("vol")->overlay, std::nullopt);
  EXPECT_LT(at("remove vol"), at("store discarding"));
  EXPECT_LT(at("store discarding"), at("create vol"));
  EXPECT_LT(at("remove dmjob-vol-vcow"), at("store none"));
  EXPECT_TRUE(has_told("rolled back"));
}

TEST_F(OverlaysTest, ARollbackOfAnOpenVolumeIsRefused) {
  attach();
  snapshot();
  kernel.set_opened("vol", 1);
  EXPECT_EQ(rollback(), "volume 'vol' is open: unmount it or close it first");
  EXPECT_EQ(look().kind, Kind::kHolding);
  EXPECT_TRUE(has_cow());
}

TEST_F(OverlaysTest, ARollbackWithoutASnapshotOrOfWhatIsNotOursIsRefused) {
  EXPECT_EQ(rollback(), "volume 'vol' is not managed by dmjob");
  attach();
  EXPECT_EQ(rollback(), "volume 'vol' has no snapshot to go back to");
  snapshot();
  start_job();
  EXPECT_EQ(rollback(), "volume 'vol' is in use by job 'j7': end it first");
  EXPECT_EQ(look().kind, Kind::kHolding);
}

TEST_F(OverlaysTest, ARollbackThatIsCutOffCanBeFinished) {
  for (const char* call : {"remove", "create"}) {
    attach();
    snapshot();
    kernel.fail_call(call, 1, EIO);
    EXPECT_THAT(rollback(), HasSubstr(call));
    EXPECT_NE(managed.find("vol")->overlay, std::nullopt);
    EXPECT_EQ(managed.find("vol")->late, !kernel.exists("vol"));
    kernel.heal();
    EXPECT_EQ(rollback(), "");
    EXPECT_TRUE(is_disk_alone()) << call;
    EXPECT_FALSE(has_cow());
    end_of_power();
  }
}

TEST_F(OverlaysTest, ARollbackThatCannotBeStoredGivesUpNothing) {
  attach();
  snapshot();
  break_state_file();
  EXPECT_THAT(rollback(), HasSubstr("the state file in "));
  EXPECT_TRUE(has_cow());
  EXPECT_TRUE(managed.find("vol")->late);
  EXPECT_EQ(managed.find("vol")->overlay->stage, volumes::Overlay::Stage::kHolding);
}

// --- the watch ---

TEST_F(OverlaysTest, TheWatchGivesRoomBeforeAnyWriteWaits) {
  overlay();
  adopt();
  const std::uint64_t before = look().boundary;
  fill_cow(before - 8);
  begin_watch();
  reactor.run_until([&] { return look().boundary > before; });
  EXPECT_FALSE(has_told("held"));
}

TEST_F(OverlaysTest, TheWatchSaysWhatIsHeldAndWhatToDo) {
  test::SmallFileSystem small(folder.path("small"), least_bytes());
  write_to_file(small.path("cow"));
  hold();
  managed.add(volume);
  EXPECT_EQ(about()["held"], false);
  fill_cow(look().boundary);
  begin_watch();
  reactor.run_until([&] { return has_told("held"); });
  EXPECT_EQ(about()["held"], true);
  EXPECT_EQ(about()["to-do"], "make room in its file system, or commit the volume");
  small.resize(kSize);
  clock.advance(std::chrono::seconds(1));
  reactor.run_until([&] { return has_told("released"); });
  EXPECT_EQ(about()["held"], false);
  EXPECT_FALSE(look().held());
}

TEST_F(OverlaysTest, TheWatchTellsOfAScratchThatHasFailed) {
  overlay();
  adopt();
  kernel.set_status("vol", "Invalid");
  begin_watch();
  reactor.run_until([&] { return about().contains("trouble"); });
  EXPECT_THAT(about()["trouble"].get<std::string>(),
              StartsWith("its scratch has failed, so reads and writes fail until it is back; "
                         "nothing that was acknowledged is lost: "));
}

TEST_F(OverlaysTest, TheWatchStoresThatItsTableWasReplaced) {
  attach();
  snapshot();
  adopt();
  replace_table();
  begin_watch();
  reactor.run_until([&] { return about().contains("trouble"); });
  EXPECT_THAT(about()["trouble"].get<std::string>(),
              StartsWith("its table was replaced by somebody else"));
  EXPECT_TRUE(has_told("table replaced"));
  EXPECT_TRUE(is_stored_as_replaced());
  EXPECT_THAT(overlays.loss(*managed.find("vol")),
              HasSubstr("before its table was replaced is lost: "));
}

TEST_F(OverlaysTest, WhatTheWatchCannotStoreItTells) {
  attach();
  snapshot();
  adopt();
  replace_table();
  break_state_file();
  begin_watch();
  reactor.run_until([&] { return about().contains("trouble"); });
  EXPECT_THAT(about()["trouble"].get<std::string>(),
              HasSubstr("the next boot does not know of it"));
}

TEST_F(OverlaysTest, ARollbackOfAVolumeWhoseTableWasReplacedIsRefused) {
  attach();
  snapshot();
  adopt();
  replace_table();
  EXPECT_THAT(rollback(), StartsWith("volume 'vol': its table was replaced by somebody else"));
  EXPECT_TRUE(kernel.exists("vol"));
  EXPECT_TRUE(has_cow());
}

}  // namespace
}  // namespace dmjob::daemon

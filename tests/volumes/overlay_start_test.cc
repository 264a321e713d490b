// SPDX-License-Identifier: LGPL-2.1-or-later
// What a start of the daemon makes of each stage of an overlay, after a boot or a kill, also of one
// that was cut off half-way.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <ostream>

#include "libjob/io/fd.h"

#include "libjob/volumes/activation.h"
#include "tests/volumes/overlay_fixture.h"

namespace dmjob::volumes {
namespace {

using Stage = Overlay::Stage;
using Kind = dm::OverlayStack::Kind;
using testing::HasSubstr;

struct Case {
  const char* name;
  Stage stored;
  Kind found;  // of the volume in the kernel
  Kind then;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class OverlayStart : public testing::TestWithParam<Case>, protected OverlayStage {
 protected:
  void SetUp() override {
    merge_or_hold();
    fill_cow(256);
    if (GetParam().found == Kind::kNone) end_of_power();
    if (GetParam().found == Kind::kFailing)
      kernel.set_table("vol", dm::error_table(volume.sectors));
    volume.overlay->stage = GetParam().stored;
    kernel.clear_log();
  }
  void TearDown() override { EXPECT_THAT(kernel.suspended_devices(), testing::IsEmpty()); }
  void merge_or_hold() {
    add_volume();
    if (GetParam().found == Kind::kLinear)
      make();
    else
      make().hold();
    write_header(1);
    if (GetParam().found == Kind::kMerging) open().begin_merge();
  }
  bool ends() { return GetParam().then == Kind::kLinear; }
};

TEST_P(OverlayStart, GivesTheVolumeWhatItsStageSays) {
  EXPECT_EQ(activate(kernel, ledger, volume), !ends());
  EXPECT_EQ(look().kind, GetParam().then);
  EXPECT_EQ(is_disk_alone(), ends());
  EXPECT_EQ(has_cow_file(), !ends());
}

TEST_P(OverlayStart, HasNothingToDoTheSecondTime) {
  activate(kernel, ledger, volume);
  if (ends()) return;
  kernel.clear_log();
  EXPECT_TRUE(activate(kernel, ledger, volume));
  EXPECT_THAT(kernel.log(), testing::IsEmpty());
}

// A merge must not wait, and what holds must wait before its cow is full.
TEST_P(OverlayStart, GivesTheCowABoundaryWhereNothingMerges) {
  activate(kernel, ledger, volume);
  const auto state = look();
  if (state.kind == Kind::kHolding) {
    EXPECT_LT(state.boundary, length());
  }
  if (state.kind == Kind::kMerging) {
    EXPECT_EQ(state.boundary, length());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Stages, OverlayStart,
    testing::Values(
        Case{"holding_after_a_boot", Stage::kHolding, Kind::kNone, Kind::kHolding},
        Case{"holding_after_a_kill", Stage::kHolding, Kind::kHolding, Kind::kHolding},
        Case{"snapshot_that_had_not_begun", Stage::kHolding, Kind::kLinear, Kind::kLinear},
        Case{"holding_given_up", Stage::kHolding, Kind::kFailing, Kind::kFailing},
        Case{"merging_after_a_boot", Stage::kMerging, Kind::kNone, Kind::kMerging},
        Case{"merging_after_a_kill", Stage::kMerging, Kind::kMerging, Kind::kMerging},
        Case{"merge_that_had_not_begun", Stage::kMerging, Kind::kHolding, Kind::kHolding},
        Case{"discarding_after_a_boot", Stage::kDiscarding, Kind::kNone, Kind::kLinear},
        Case{"discarding_after_a_kill", Stage::kDiscarding, Kind::kMerging, Kind::kLinear},
        Case{"discarded_but_for_the_cow", Stage::kDiscarding, Kind::kLinear, Kind::kLinear}),
    [](const auto& test) { return std::string(test.param.name); });

class OverlayStartTest : public OverlayStory {
 protected:
  static void punch_hole(const std::string& file, std::uint64_t bytes) {
    const io::Fd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                        static_cast<off_t>(bytes)),
              0);
  }
};

TEST_F(OverlayStartTest, GoesOnWhereOnlyTheCowHadBeenMade) {
  hold();
  end_of_power();
  kernel.fail_call("create", 2, EIO);
  EXPECT_THROW(activate(kernel, ledger, volume), std::system_error);
  EXPECT_TRUE(kernel.exists("dmjob-vol-vcow") && !kernel.exists("vol"));
  EXPECT_TRUE(activate(kernel, ledger, volume));
  EXPECT_EQ(look().kind, Kind::kHolding);
}

TEST_F(OverlayStartTest, MakesAVolumeThatIsHalfMadeAnew) {
  hold();
  end_of_power();
  kernel.add_device("vol", dm::Table(), dm::volume_uuid(volume.uuid));
  EXPECT_TRUE(activate(kernel, ledger, volume));
  EXPECT_EQ(look().kind, Kind::kHolding);
}

TEST_F(OverlayStartTest, TakesNoOtherDeviceForTheVolume) {
  hold();
  end_of_power();
  kernel.add_device("vol", dm::linear_table(volume.sectors, disk.dev()), "LVM-x");
  EXPECT_EQ(refusal_of([&] { activate(kernel, ledger, volume); }),
            "a device 'vol' that is not dmjob's is in the way: remove or rename it");
  EXPECT_FALSE(kernel.exists("dmjob-vol-vcow"));
}

// --- a table of somebody else's ---

TEST_F(OverlayStartTest, WhatWasWrittenBeforeItsTableWasReplacedIsNotThrownAway) {
  hold();
  write_exception();
  replace_table();
  EXPECT_TRUE(activate(kernel, ledger, volume));
  EXPECT_TRUE(is_replaced(look()));
  EXPECT_TRUE(has_cow_file());
  EXPECT_TRUE(kernel.exists("dmjob-vol-vcow"));
}

TEST_F(OverlayStartTest, AnOverlayWithTheTableOfItsDiskAloneHasLostItsOwn) {
  hold();
  volume.overlay->read_only = true;
  replace_table();
  EXPECT_TRUE(activate(kernel, ledger, volume));
  EXPECT_TRUE(has_cow_file());
}

TEST_F(OverlayStartTest, AVolumeWhoseTableWasReplacedIsNotPutUpAgain) {
  for (const Stage stage : {Stage::kHolding, Stage::kMerging}) {
    hold();
    volume.overlay->stage = stage;
    volume.overlay->replaced = true;
    end_of_power();
    EXPECT_THAT(refusal_of([&] { activate(kernel, ledger, volume); }),
                AllOf(HasSubstr("its table was replaced by somebody else"),
                      HasSubstr("(dmjob detach vol --force)")));
    EXPECT_THAT(kernel.log(), testing::IsEmpty());
    EXPECT_TRUE(has_cow_file());
    volume.overlay->replaced = false;
  }
}

TEST_F(OverlayStartTest, AVolumeWhoseTableWasReplacedStaysAsItIsWhileItIsThere) {
  hold();
  replace_table();
  volume.overlay->replaced = true;
  EXPECT_TRUE(activate(kernel, ledger, volume));
  EXPECT_THAT(kernel.log(), testing::IsEmpty());
}

TEST_F(OverlayStartTest, AVolumeThatSomebodyHasRenamedIsNotMadeASecondTime) {
  kernel.add_device("new", dm::linear_table(volume.sectors, disk.dev()),
                    dm::volume_uuid(volume.uuid));
  for (const bool holds : {true, false}) {
    if (!holds) volume.overlay.reset();
    EXPECT_EQ(refusal_of([&] { activate(kernel, ledger, volume); }),
              "somebody has renamed it to 'new': 'dmsetup rename new vol' gives it its name back");
  }
  EXPECT_THAT(kernel.log(), testing::IsEmpty());
}

// --- a head that is not good ---

TEST_F(OverlayStartTest, AScratchThatWasGivenUpIsMendedBeforeTheVolumeIsMade) {
  for (const Stage stage : {Stage::kHolding, Stage::kMerging}) {
    hold();
    end_of_power();
    volume.overlay->stage = stage;
    write_header(0);
    kernel.fail_call("create", 1, EIO);
    EXPECT_THROW(activate(kernel, ledger, volume), std::system_error);
    EXPECT_EQ(valid_word(), 1U);
    EXPECT_EQ(read_header().bytes()[100], std::byte{7}) << "the rest of the header";
    EXPECT_TRUE(activate(kernel, ledger, volume));
    end_of_power();
  }
}

TEST_F(OverlayStartTest, AScratchWithoutASnapshotIsNotTakenForAnEmptyOne) {
  hold();
  end_of_power();
  write_header(1, 0x12345678);
  EXPECT_THAT(refusal_of([&] { activate(kernel, ledger, volume); }), HasSubstr("has lost what"));
  write_header(0, 0);
  volume.overlay->stage = Stage::kMerging;
  EXPECT_THAT(refusal_of([&] { activate(kernel, ledger, volume); }), HasSubstr("has lost what"));
  EXPECT_THAT(kernel.log(), testing::IsEmpty());
}

// --- an origin that was written to ---

class OverlayStartOnWritten : public OverlayStartTest {
 protected:
  OverlayStartOnWritten() {
    own_disk_.emplace(folder.path("own"), kSize);
    volume.device = own_disk_->path();
    volume.overlay->origin_disk = io::identify_disk(volume.device);
    kernel.add_device("vol", dm::linear_table(volume.sectors, own_disk_->dev()),
                      dm::volume_uuid(volume.uuid));
    make().hold();
    write_header(1);
  }
  void write_to_origin() {
    const auto device = io::open_device(volume.device, io::Access::kReadWrite);
    ASSERT_FALSE(device->write(0, io::AlignedBuffer(4096).bytes()));
  }
  std::string refusal() {
    return refusal_of([&] { activate(kernel, ledger, volume); });
  }

 private:
  std::optional<test::LoopDisk> own_disk_;
};

TEST_F(OverlayStartOnWritten, IsRefusedWithAWayOut) {
  end_of_power();
  be_of_an_earlier_boot();
  write_to_origin();
  EXPECT_THAT(refusal(), HasSubstr("was written to in this boot before volume 'vol' was active"));
  EXPECT_THAT(refusal(), HasSubstr("dmjob rollback vol"));
  EXPECT_THAT(kernel.log(), testing::IsEmpty());
  volume.overlay->merge_begun = true;
  EXPECT_THAT(refusal(), testing::Not(HasSubstr("rollback")));
}

TEST_F(OverlayStartOnWritten, ByUsOrByRightInTheSameBootIsTaken) {
  end_of_power();
  write_to_origin();
  EXPECT_EQ(refusal(), "");
}

TEST_F(OverlayStartOnWritten, WhatIsLiveIsNotAskedAgain) {
  be_of_an_earlier_boot();
  write_to_origin();  // as a merge does
  EXPECT_EQ(refusal(), "");
}

// As a file that was copied elsewhere and back is: with a hole where something was.
TEST_F(OverlayStartTest, WithoutTheRoomThatItHadMakesNothing) {
  test::SmallFileSystem small(folder.path("small"), least_bytes());
  write_to_file(small.path("cow"));
  hold();
  end_of_power();
  punch_hole(small.path("cow"), kMiB);
  small.resize(least_bytes() - kMiB);
  EXPECT_THAT(refusal_of([&] { activate(kernel, ledger, volume); }),
              HasSubstr("cow has lost room that it had"));
  EXPECT_THAT(kernel.log(), testing::IsEmpty());
}

}  // namespace
}  // namespace dmjob::volumes

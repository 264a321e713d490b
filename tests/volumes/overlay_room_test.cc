// SPDX-License-Identifier: LGPL-2.1-or-later
// How a cow gets more room before it is full, and what happens where there is none.
#include <gtest/gtest.h>

#include "tests/volumes/overlay_fixture.h"

namespace dmjob::volumes {
namespace {

using testing::IsEmpty;

class OverlayRoomTest : public OverlayStory {
 protected:
  // A file system with so much room behind the least, which the cow has all of at first.
  void hold_on_small(std::uint64_t more) {
    small.emplace(folder.path("small"), least_bytes() + more);
    write_to_file(small->path("cow"));
    hold();
  }
  OverlayDevice::Room make_room() { return open().make_room(); }
  void be_held() { fill_cow(look().boundary); }

  std::optional<test::SmallFileSystem> small;
};

TEST_F(OverlayRoomTest, WithRoomEnoughNothingIsDone) {
  hold();
  fill_cow(look().boundary - kSlice / 2 / 512);
  EXPECT_TRUE(make_room().can_grow);
  EXPECT_THAT(kernel.log(), IsEmpty());
}

TEST_F(OverlayRoomTest, ACowThatIsNearlyFullGrowsByASliceBeforeAnyWriteWaits) {
  hold();
  const std::uint64_t before = look().boundary;
  fill_cow(before - kSlice / 2 / 512 + 8);
  const auto room = make_room();
  EXPECT_TRUE(room.can_grow);
  EXPECT_EQ(room.state.boundary, before + kSlice / 512);
  EXPECT_FALSE(is_nearly_full(room.state));
}

TEST_F(OverlayRoomTest, WhatWaitsIsLetGo) {
  hold();
  be_held();
  EXPECT_TRUE(look().held());
  EXPECT_FALSE(make_room().state.held());
}

TEST_F(OverlayRoomTest, GrowsByLessWhereThereIsLittle) {
  hold_on_small(margin() * 512 + kMiB);
  be_held();
  const std::uint64_t before = look().boundary;
  EXPECT_TRUE(make_room().can_grow);
  EXPECT_EQ(look().boundary, before + margin());
}

// What waits behind the old boundary is let go when it is moved, and as much comes behind it.
TEST_F(OverlayRoomTest, DoesNotGrowByLessThanMayComeBehindTheBoundary) {
  hold_on_small(3 * kMiB);
  be_held();
  EXPECT_FALSE(make_room().can_grow);
  EXPECT_THAT(kernel.log(), IsEmpty());
}

TEST_F(OverlayRoomTest, OnAFullFileSystemWritesWaitAndThisIsSaid) {
  hold_on_small(kMiB / 2);
  be_held();
  const auto room = make_room();
  EXPECT_FALSE(room.can_grow);
  EXPECT_TRUE(room.state.held());
  EXPECT_THAT(kernel.log(), IsEmpty());
}

TEST_F(OverlayRoomTest, GoesOnOnceThereIsRoomAgain) {
  hold_on_small(kMiB / 2);
  be_held();
  make_room();
  small->resize(kSize);
  const auto room = make_room();
  EXPECT_TRUE(room.can_grow);
  EXPECT_FALSE(room.state.held());
}

TEST_F(OverlayRoomTest, ADiskThatIsFullCannotGrow) {
  write_to_disk(20 * kMiB);
  hold();
  be_held();
  EXPECT_FALSE(make_room().can_grow);
  EXPECT_THAT(kernel.log(), IsEmpty());
}

TEST_F(OverlayRoomTest, ThatIsLargeEnoughForAllLosesItsBoundary) {
  hold();
  fill_cow(length() - margin());
  make_room();
  EXPECT_EQ(look().boundary, length());
  EXPECT_FALSE(is_nearly_full(look()));
}

TEST_F(OverlayRoomTest, WhatMergesHasAllOfTheCowAndIsLeftAlone) {
  merge();
  fill_cow(length());
  EXPECT_TRUE(make_room().can_grow);
  EXPECT_THAT(kernel.log(), IsEmpty());
}

}  // namespace
}  // namespace dmjob::volumes

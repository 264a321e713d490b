// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/transfer/bad_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dmjob::drivers {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Place = std::pair<std::uint64_t, std::uint64_t>;  // offset, length

constexpr std::uint64_t kUnit = 65536;

io::CopyError failed(bool is_read, std::uint64_t offset, std::uint64_t length,
                     std::errc error = std::errc::io_error) {
  return {is_read, offset, length, std::make_error_code(error)};
}

std::vector<Place> places(const std::vector<io::CopyError>& errors) {
  std::vector<Place> list;
  for (const io::CopyError& error : errors) list.emplace_back(error.offset, error.length);
  return list;
}

class BadBlocksTest : public ::testing::Test {
 protected:
  void give_up(std::uint64_t offset, std::uint64_t length) {
    bad_blocks_.add(failed(true, offset, length));
  }
  std::vector<Place> extents() const { return places(bad_blocks_.extents()); }

  BadBlocks bad_blocks_{16 * kUnit, kUnit};
  io::DirtyBitmap again_{16 * kUnit, kUnit};
};

TEST_F(BadBlocksTest, IsListedByPlaceWithNeighboursAsOne) {
  give_up(3 * kUnit, 512);
  give_up(0, 512);
  give_up(512, 512);
  EXPECT_THAT(extents(), ElementsAre(Place{0, 1024}, Place{3 * kUnit, 512}));
  EXPECT_EQ(bad_blocks_.count(), 2U);
}

TEST_F(BadBlocksTest, OfAnExtentOverSeveralRegionsOneCanBeForgotten) {
  give_up(kUnit - 512, 2 * kUnit);
  EXPECT_THAT(extents(), ElementsAre(Place{kUnit - 512, 2 * kUnit}));
  bad_blocks_.forget(1);
  EXPECT_THAT(extents(), ElementsAre(Place{kUnit - 512, 512}, Place{2 * kUnit, kUnit - 512}));
  EXPECT_FALSE(bad_blocks_.has(1));
  EXPECT_TRUE(bad_blocks_.has(2));
}

TEST_F(BadBlocksTest, EachRegionGetsOneMoreTry) {
  give_up(0, 512);
  EXPECT_TRUE(bad_blocks_.try_again(again_));
  EXPECT_TRUE(again_.test(0));
  EXPECT_FALSE(bad_blocks_.try_again(again_));
  again_.clear_all();
  give_up(kUnit, 512);
  EXPECT_TRUE(bad_blocks_.try_again(again_));
  EXPECT_FALSE(again_.test(0));
  EXPECT_TRUE(again_.test(1));
}

TEST_F(BadBlocksTest, TriesCanBeRenewed) {
  give_up(0, 512);
  bad_blocks_.try_again(again_);
  bad_blocks_.renew_tries();
  EXPECT_TRUE(bad_blocks_.try_again(again_));
}

TEST_F(BadBlocksTest, AnythingForgottenGetsNoTry) {
  give_up(0, 512);
  bad_blocks_.forget(0);
  EXPECT_FALSE(bad_blocks_.try_again(again_));
  EXPECT_THAT(extents(), IsEmpty());
}

TEST_F(BadBlocksTest, EachChangeIsAnotherVersion) {
  const std::uint64_t first = bad_blocks_.version();
  give_up(0, 512);
  const std::uint64_t second = bad_blocks_.version();
  bad_blocks_.forget(0);
  EXPECT_NE(first, second);
  EXPECT_NE(second, bad_blocks_.version());
}

TEST(MergeNeighbours, OnlyOfOneSideAndOneError) {
  const auto merged = merge_neighbours({failed(false, 1024, 512), failed(true, 0, 512),
                                        failed(true, 512, 512), failed(false, 512, 512),
                                        failed(true, 1024, 512, std::errc::no_such_device)});
  EXPECT_THAT(places(merged), ElementsAre(Place{512, 1024}, Place{0, 1024}, Place{1024, 512}));
}

}  // namespace
}  // namespace dmjob::drivers

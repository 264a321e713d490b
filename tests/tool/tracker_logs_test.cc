// SPDX-License-Identifier: LGPL-2.1-or-later
// A tracker gets another of its logs, and no mark is lost: of loop devices in a fake kernel. As
// root.
#include "tool/dmjobd/tracker_logs.h"

#include <gmock/gmock.h>

#include <array>

#include "dm/mirror_log.h"
#include "dm/targets.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "tests/support/fake_control.h"
#include "tests/support/loop_disk.h"
#include "tests/support/temp_folder.h"

namespace dmjob::daemon {
namespace {

class TrackerLogsTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kRegions = 101;
  static constexpr std::uint64_t kRegion = 128;
  static constexpr std::uint64_t kLength = kRegions * kRegion - 8;  // the last one is a part

  TrackerLogsTest() {
    for (std::size_t i = 0; i < logs.size(); ++i) {
      const std::string name = "dmjob-j-log" + std::to_string(i);
      kernel.add_device(name, dm::linear_table(8, 2048));
      kernel.set_number(name, logs.at(i).dev());
      mark(i, {});
    }
  }
  void mark(std::size_t log, const std::vector<std::uint64_t>& regions) {
    io::AlignedBuffer bytes(dm::mirror_log_bytes(kRegions));
    dm::format_mirror_log(bytes.bytes(), kRegions, true);
    for (const std::uint64_t region : regions) dm::mark_region(bytes.bytes(), region);
    EXPECT_FALSE(open(log)->write(0, bytes.bytes()));
  }
  std::vector<std::uint64_t> marks(std::size_t log) {
    io::AlignedBuffer bytes(dm::mirror_log_bytes(kRegions));
    EXPECT_FALSE(open(log)->read(0, bytes.bytes()));
    EXPECT_TRUE(dm::valid_mirror_log(bytes.bytes(), kRegions));
    std::vector<std::uint64_t> found;
    const auto bits = dm::mirror_log_bits(bytes.bytes(), kRegions);
    for (std::uint64_t region = 0; region < kRegions; ++region)
      if ((std::to_integer<unsigned>(bits[region / 8]) >> (region % 8) & 1) == 0)
        found.push_back(region);
    return found;
  }
  std::unique_ptr<io::BlockDevice> open(std::size_t log) {
    return io::open_device(logs.at(log).dev(), io::Access::kReadWrite);
  }
  dm::Table on(std::size_t log) {
    return dm::tracker_table(kLength, logs.at(log).dev(), kRegion, 2049, 2050);
  }

  test::TempFolder folder;
  std::array<test::LoopDisk, 3> logs{test::LoopDisk(folder.path("0"), 65536),
                                     test::LoopDisk(folder.path("1"), 65536),
                                     test::LoopDisk(folder.path("2"), 65536)};
  dm::FakeControl kernel;
};

TEST_F(TrackerLogsTest, TheNextOneIsFreedAndItsMarksMove) {
  mark(0, {7});
  mark(1, {0, 63, 100});
  mark(2, {1, 63});
  EXPECT_EQ(with_a_free_log(kernel, "dmjob-j-wr", on(0)), on(1));
  EXPECT_THAT(marks(0), testing::ElementsAre(7)) << "it is in use";
  EXPECT_THAT(marks(1), testing::ElementsAre());
  EXPECT_THAT(marks(2), testing::ElementsAre(0, 1, 63, 100));
}

TEST_F(TrackerLogsTest, ThereIsAlwaysAnotherOne) {
  for (std::size_t live = 0; live < 7; ++live) {
    mark(live % 3, {live});
    EXPECT_EQ(with_a_free_log(kernel, "dmjob-j-wr", on(live % 3)), on((live + 1) % 3));
  }
  EXPECT_THAT(marks(2), testing::ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(marks(0), testing::ElementsAre(6));
  EXPECT_THAT(marks(1), testing::ElementsAre());
}

TEST_F(TrackerLogsTest, ADamagedOneIsLeftAsItIs) {
  io::AlignedBuffer nothing(4096);
  EXPECT_FALSE(open(2)->write(0, nothing.bytes()));
  mark(1, {5});
  EXPECT_EQ(with_a_free_log(kernel, "dmjob-j-wr", on(0)), std::nullopt);
  EXPECT_THAT(marks(1), testing::ElementsAre(5));
}

TEST_F(TrackerLogsTest, AnotherTableIsNone) {
  EXPECT_EQ(with_a_free_log(kernel, "dmjob-j-wr", dm::linear_table(8, 2048)), std::nullopt);
  EXPECT_EQ(with_a_free_log(kernel, "dmjob-k-wr", on(0)), std::nullopt);
  EXPECT_EQ(with_a_free_log(kernel, "foreign", on(0)), std::nullopt);
}

}  // namespace
}  // namespace dmjob::daemon

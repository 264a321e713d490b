// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/support/stamp_block.h"
#include "tests/support/stamp_device.h"
#include "tests/support/stamp_log.h"
#include "tests/support/stamp_verify.h"
#include "tests/support/stamp_writer.h"

namespace dmjob::stamp {
namespace {

constexpr std::size_t kBlock = 4096;

class StampTest : public testing::Test {
 protected:
  StampTest() {
    std::string path = testing::TempDir() + "stamp.XXXXXX";
    folder_ = ::mkdtemp(path.data());
    std::ofstream(disk()).close();
    std::filesystem::resize_file(disk(), 64 * kBlock);
    Device device(disk(), O_RDWR, {});
    fill(device);
  }
  ~StampTest() override { std::filesystem::remove_all(folder_); }

  std::string disk() const { return folder_ + "/disk"; }
  std::string log() const { return folder_ + "/log"; }

  void log_text(const std::string& text) const { std::ofstream(log(), std::ios::app) << text; }

  void put(std::uint64_t block, Stamp stamp) const {
    Buffer buffer(kBlock);
    write_stamp(buffer.first(kBlock), stamp);
    Device(disk(), O_RDWR, {}).write(block, buffer.first(kBlock));
  }

  WriterStats write_a_while() const {
    Device device(disk(), O_RDWR, {});
    const std::uint64_t sequence = History::load(log()).last_sequence() + 1;
    Log log_file(log());
    int left = 20;
    return run_writer(device, log_file, sequence,
                      {.duration = std::chrono::minutes(1), .iops = 1000},
                      [&left] { return left-- == 0; });
  }

  std::uint64_t mismatches() const {
    return verify(Device(disk(), O_RDONLY, {}), History::load(log())).mismatches;
  }

 private:
  std::string folder_;
};

TEST_F(StampTest, a_filled_device_without_a_log_is_good) { EXPECT_EQ(mismatches(), 0U); }

TEST_F(StampTest, what_the_writer_wrote_is_good) {
  EXPECT_EQ(write_a_while().latencies_ms.size(), 20U);
  write_a_while();
  EXPECT_EQ(mismatches(), 0U);
}

TEST_F(StampTest, an_acknowledged_write_that_is_not_there_is_a_mismatch) {
  log_text("> 5 2 1\n< 5 2 1\n");
  put(5, {.block = 5, .sequence = 1});
  EXPECT_EQ(mismatches(), 1U);
}

TEST_F(StampTest, an_older_acknowledged_write_is_a_mismatch) {
  log_text("> 5 1 1\n< 5 1 1\n> 5 1 2\n< 5 1 2\n");
  put(5, {.block = 5, .sequence = 1});
  EXPECT_EQ(mismatches(), 1U);
}

TEST_F(StampTest, a_write_in_flight_may_be_there_or_not) {
  log_text("> 5 1 1\n< 5 1 1\n> 5 1 2\n");
  put(5, {.block = 5, .sequence = 1});
  EXPECT_EQ(mismatches(), 0U);
  put(5, {.block = 5, .sequence = 2});
  EXPECT_EQ(mismatches(), 0U);
}

TEST_F(StampTest, a_write_that_nobody_made_is_a_mismatch) {
  put(5, {.block = 5, .sequence = 7});
  EXPECT_EQ(mismatches(), 1U);
}

TEST_F(StampTest, a_block_in_the_wrong_place_is_a_mismatch) {
  put(5, {.block = 6, .sequence = 0});
  EXPECT_EQ(mismatches(), 1U);
}

TEST_F(StampTest, a_log_that_was_cut_off_is_read_up_to_there_and_carried_on) {
  log_text("> 5 1 1\n< 5 1 1\n> 6 1");
  put(5, {.block = 5, .sequence = 1});
  EXPECT_EQ(mismatches(), 0U);
  write_a_while();
  EXPECT_EQ(mismatches(), 0U);
}

TEST_F(StampTest, a_damaged_log_is_refused) {
  log_text("> 5 one 1\n> 5 1 1\n");
  EXPECT_THROW(mismatches(), std::runtime_error);
}

TEST(StampBlock, every_damaged_byte_is_noticed) {
  std::vector<std::byte> block(512);
  write_stamp(block, {.block = 3, .sequence = 4});
  EXPECT_EQ(read_stamp(block), (Stamp{.block = 3, .sequence = 4}));
  for (std::byte& byte : block) {
    byte ^= std::byte{1};
    EXPECT_FALSE(read_stamp(block));
    byte ^= std::byte{1};
  }
}

}  // namespace
}  // namespace dmjob::stamp

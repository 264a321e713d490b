// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/transfer/ddrescue_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/support/temp_folder.h"

namespace dmjob::drivers {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kUnit = 65536;
constexpr std::uint64_t kSize = 8 * kUnit + 700;  // the last region is short

constexpr const char* kHead =
    "# Mapfile. Created by dmjob: source /s, target /t\n"
    "# current_pos  current_status  current_pass\n";

io::CopyError bad(std::uint64_t offset, std::uint64_t length) {
  return {true, offset, length, std::make_error_code(std::errc::io_error)};
}

std::string map_of(const std::vector<std::uint64_t>& pending,
                   const std::vector<io::CopyError>& unreadable) {
  io::DirtyBitmap regions(kSize, kUnit);
  for (const std::uint64_t region : pending) regions.set(region);
  return format_rescue_map("source /s, target /t", regions, unreadable);
}

TEST(RescueMap, OfAWholeCopyIsOneFinishedBlock) {
  EXPECT_EQ(map_of({}, {}), std::string(kHead) +
                                "0x00000000     +               1\n"
                                "#      pos        size  status\n"
                                "0x00000000  0x000802BC  +\n");
}

TEST(RescueMap, TellsBadFromNotTried) {
  EXPECT_EQ(map_of({0, 1, 5, 8}, {bad(3 * kUnit, 512), bad(5 * kUnit + 512, 1024)}),
            std::string(kHead) +
                "0x00000000     ?               1\n"
                "#      pos        size  status\n"
                "0x00000000  0x00020000  ?\n"
                "0x00020000  0x00010000  +\n"
                "0x00030000  0x00000200  -\n"
                "0x00030200  0x0001FE00  +\n"
                "0x00050000  0x00000200  ?\n"
                "0x00050200  0x00000400  -\n"
                "0x00050600  0x0000FA00  ?\n"
                "0x00060000  0x00020000  +\n"
                "0x00080000  0x000002BC  ?\n");
}

TEST(RescueMap, APathMayHoldAnyCharacterAndEndsNoComment) {
  const std::string map = format_rescue_map("source /a\n0x0  0x1  +", {kSize, kUnit}, {});
  EXPECT_THAT(map, HasSubstr("source /a?0x0  0x1  +\n"));
}

// What ddrescue's own tool makes of it: its lines "bad-sector:  512 B, ..." by their names.
class Ddrescuelog {
 public:
  explicit Ddrescuelog(const std::string& map) {
    const test::TempFolder folder;
    const std::string file = folder.path("map");
    std::ofstream(file) << map;
    FILE* pipe = ::popen(("ddrescuelog -t " + file + " 2>&1").c_str(), "r");
    std::array<char, 256> line{};
    while (std::fgets(line.data(), line.size(), pipe) != nullptr) text_ += line.data();
    status_ = ::pclose(pipe);
  }

  bool accepts() const { return status_ == 0; }
  const std::string& text() const { return text_; }
  std::uint64_t bytes(const std::string& what) const {
    const std::size_t at = text_.find(what + ":");
    return at == std::string::npos ? 0 : std::stoull(text_.substr(at + what.size() + 1));
  }

 private:
  std::string text_;
  int status_ = -1;
};

TEST(RescueMap, IsReadByDdrescuelog) {
  const Ddrescuelog log(map_of({0, 5, 8}, {bad(3 * kUnit, 512), bad(5 * kUnit + 512, 1024)}));
  ASSERT_TRUE(log.accepts()) << log.text();
  EXPECT_EQ(log.bytes("mapfile extent"), kSize);
  EXPECT_EQ(log.bytes("bad-sector"), 1536U);
  EXPECT_EQ(log.bytes("non-tried"), 2 * kUnit + 700 - 1024);
  EXPECT_EQ(log.bytes("rescued"), 6 * kUnit - 512);
}

// Bad sectors and dirty regions anywhere.
TEST(RescueMap, CoversTheSourceWithoutGapsWhateverIsBad) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint64_t> pending;
    std::vector<io::CopyError> unreadable;
    for (std::uint64_t region = 0; region <= kSize / kUnit; ++region)
      if (random() % 2 == 0) pending.push_back(region);
    for (std::uint64_t at = 0; at + 512 <= kSize; at += 512)
      if (random() % 100 == 0) unreadable.push_back(bad(at, 512));
    std::istringstream lines(map_of(pending, unreadable));
    std::uint64_t end = 0;
    std::uint64_t unreadable_bytes = 0;
    char last = 0;
    for (std::string line; std::getline(lines, line);) {
      unsigned long long at = 0;
      unsigned long long length = 0;
      char status = 0;
      if (std::sscanf(line.c_str(), "0x%llX 0x%llX %c", &at, &length, &status) != 3) continue;
      EXPECT_EQ(at, end);
      EXPECT_NE(status, last);
      last = status;
      end = at + length;
      if (status == '-') unreadable_bytes += length;
    }
    EXPECT_EQ(end, kSize);
    EXPECT_EQ(unreadable_bytes, unreadable.size() * 512);
  }
}

}  // namespace
}  // namespace dmjob::drivers

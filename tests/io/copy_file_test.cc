// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The copy engine on real files and loop devices.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "libjob/io/copy_engine.h"
#include "tests/io/temporary.h"

namespace dmjob::io {
namespace {

using test::LoopDevice;
using test::pattern;

constexpr std::uint64_t kGranularity = 64 << 10;

class CopyFiles : public ::testing::Test {
 protected:
  CopyResult copy(const std::string& from, const std::string& to, CopyOptions options = {}) {
    const auto source = open_device(from, Access::kRead);
    const auto target = open_device(to, Access::kReadWrite);
    CopyControl control;
    core::SystemClock clock;
    core::Progress progress;
    DirtyBitmap dirty(source->size(), kGranularity);
    dirty.set_all();
    CopyEngine engine(*source, *target, control, clock, options);
    return engine.run(dirty, progress, core::TimePoint::max(),
                      [](const CopyError&) { return core::ErrorAction::kReport; });
  }

  std::string filled(const std::string& name, std::uint64_t size) {
    const std::string path = folder.file(name, size);
    test::write_file(path, pattern(size, 1));
    return path;
  }

  std::uint64_t allocated(const std::string& path) {
    struct stat facts{};
    stat(path.c_str(), &facts);
    return static_cast<std::uint64_t>(facts.st_blocks) * 512;
  }

  test::TemporaryFolder folder;
};

class CopyFilesOfSize : public CopyFiles, public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(CopyFilesOfSize, are_equal_to_the_last_byte) {
  const std::string from = filled("from", GetParam());
  const std::string to = folder.file("to", GetParam());
  const CopyResult result = copy(from, to);
  EXPECT_EQ(result.end, CopyEnd::kClean);
  EXPECT_EQ(result.copied, GetParam());
  EXPECT_EQ(test::read_file(to), test::read_file(from));
}

INSTANTIATE_TEST_SUITE_P(Sizes, CopyFilesOfSize,
                         ::testing::Values(0, 1, 511, 512, 513, 4095, 4096, 4097, 65536, 1 << 20,
                                           (1 << 20) + 1, (5 << 20) + 12345, 33 << 20));

TEST_F(CopyFiles, holes_stay_holes) {
  const std::string from = folder.file("from", 64 << 20);
  test::write_file(from, pattern(1 << 20, 1), 32 << 20);
  const std::string to = folder.file("to", 64 << 20);
  EXPECT_EQ(copy(from, to).copied, 64u << 20);
  EXPECT_LE(allocated(to), (1u << 20) + 65536);
  EXPECT_EQ(test::read_file(to), test::read_file(from));
}

TEST_F(CopyFiles, zeroes_free_what_the_target_had) {
  const std::string from = folder.file("from", 8 << 20);
  const std::string to = filled("to", 8 << 20);
  copy(from, to);
  EXPECT_LE(allocated(to), 65536u);
  EXPECT_EQ(test::read_file(to), test::read_file(from));
}

TEST_F(CopyFiles, a_new_file_needs_no_writes_for_zeroes) {
  const std::string from = folder.file("from", 8 << 20);
  const std::string to = folder.file("to", 8 << 20);
  EXPECT_EQ(copy(from, to, {.target_is_zero = true}).copied, 8u << 20);
  EXPECT_EQ(test::read_file(to), test::read_file(from));
}

TEST_F(CopyFiles, a_disk_is_copied_to_a_disk) {
  const LoopDevice from(filled("from", 8 << 20));
  const LoopDevice to(filled("to", 8 << 20));
  test::write_file(from.path(), pattern(8 << 20, 3));
  EXPECT_EQ(copy(from.path(), to.path(), {.request_bytes = 256 << 10}).end, CopyEnd::kClean);
  const auto device = open_device(to.path(), Access::kRead);
  AlignedBuffer found(8 << 20);
  ASSERT_EQ(device->read(0, found.bytes()), std::error_code());
  EXPECT_TRUE(std::ranges::equal(found.bytes(), pattern(8 << 20, 3)));
}

}  // namespace
}  // namespace dmjob::io

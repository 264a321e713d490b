// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/own_writes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "libjob/io/probe.h"
#include "tests/io/temporary.h"

namespace dmjob::io {
namespace {

using test::LoopDevice;
using test::pattern;
using test::TemporaryFolder;

constexpr std::uint64_t kSize = 1 << 20;

struct OwnWritesTest : testing::Test {
  TemporaryFolder folder;
  const std::string page = folder.file("page", 0);
};

std::int64_t others(dev_t disk, const OwnWrites& own) {
  return static_cast<std::int64_t>(sectors_changed(disk).value()) - own.sectors();
}

TEST_F(OwnWritesTest, AreAllThatTheKernelCountsOfADiskThatIsOurs) {
  const LoopDevice loop(folder.file("disk", kSize));
  const dev_t disk = probe(loop.path()).dev;
  OwnWrites own(page, true);
  const std::int64_t before = others(disk, own);
  const auto device = own.count(open_device(loop.path(), Access::kReadWrite));
  auto data = test::aligned(pattern(4096, 1));
  EXPECT_EQ(device->write(0, data.bytes()), std::error_code());
  EXPECT_EQ(device->write_zeroes(8192, 65536), std::error_code());
  Request request{Request::Kind::kWrite, 4096, data.bytes(), {}};
  const auto queue = device->make_queue(1);
  queue->submit(request);
  while (queue->in_flight() > 0) queue->reap();
  EXPECT_EQ(device->flush(), std::error_code());
  EXPECT_EQ(own.sectors(), 8 + 128 + 8);
  EXPECT_EQ(others(disk, own), before);
  EXPECT_EQ(open_device(loop.path(), Access::kReadWrite)->write(0, data.bytes()),
            std::error_code());
  EXPECT_EQ(others(disk, own), before + 8);
}

// Else what others write while we read it back would have the date of our own writes.
TEST_F(OwnWritesTest, AreNoReads) {
  OwnWrites own(page, true);
  const auto device = own.count(open_device(folder.file("file", kSize), Access::kReadWrite));
  auto data = test::aligned(pattern(4096, 1));
  own.touch();
  const auto last = own.last();
  Request request{Request::Kind::kRead, 4096, data.bytes(), {}};
  const auto queue = device->make_queue(1);
  queue->submit(request);
  while (queue->in_flight() > 0) queue->reap();
  EXPECT_EQ(device->read(0, data.bytes()), std::error_code());
  EXPECT_EQ(own.sectors(), 0);
  EXPECT_EQ(own.last(), last);
}

TEST_F(OwnWritesTest, FindAFileThatWasCutAlthoughItIsAsLongAsBefore) {
  const std::string path = folder.file("target", kSize);
  OwnWrites own(page, true);
  own.expect_length(path, kSize);
  const auto device = own.count(open_device(path, Access::kReadWrite));
  auto data = test::aligned(pattern(4096, 1));
  EXPECT_EQ(device->write(0, data.bytes()), std::error_code());
  EXPECT_FALSE(own.was_cut());
  std::filesystem::resize_file(path, 4096);
  EXPECT_EQ(device->write(kSize - 4096, data.bytes()), std::error_code());
  EXPECT_EQ(std::filesystem::file_size(path), kSize);
  EXPECT_TRUE(own.was_cut());
}

TEST_F(OwnWritesTest, AreKnownToTheNextProcess) {
  {
    OwnWrites own(page, true);
    own.add(4096);
  }
  const OwnWrites next(page, false);
  EXPECT_EQ(next.sectors(), 8);
  EXPECT_GT(next.last().count(), 0);
  EXPECT_EQ(OwnWrites(page, true).sectors(), 0);
}

TEST_F(OwnWritesTest, TellWhetherAFileWasChangedLater) {
  const std::string path = folder.file("target", kSize);
  OwnWrites own(page, true);
  EXPECT_TRUE(was_changed_after(path, own.last())) << "nothing was noted";
  own.touch();
  EXPECT_FALSE(was_changed_after(path, own.last()));
  EXPECT_TRUE(was_changed_after(path, own.last() - std::chrono::hours(1)));
  EXPECT_TRUE(was_changed_after(path + "-not", own.last()));
}

}  // namespace
}  // namespace dmjob::io

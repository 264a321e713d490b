// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libjob/io/block_device.h"
#include "libjob/io/probe.h"
#include "tests/io/temporary.h"

namespace dmjob::io {
namespace {

using test::LoopDevice;
using test::pattern;
using test::TemporaryFolder;

constexpr std::uint64_t kSize = 1 << 20;

std::string fingerprint(const std::string& path) { return write_fingerprint(probe(path)); }

void write_to(const std::string& path) {
  const auto device = open_device(path, Access::kReadWrite);
  ASSERT_EQ(device->write(0, test::aligned(pattern(4096, 1)).bytes()), std::error_code());
  ASSERT_EQ(device->flush(), std::error_code());
}

TEST(WriteFingerprint, of_a_disk_that_is_only_read_stays) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  const std::string before = fingerprint(loop.path());
  AlignedBuffer block(4096);
  EXPECT_EQ(open_device(loop.path(), Access::kRead)->read(0, block.bytes()), std::error_code());
  EXPECT_EQ(fingerprint(loop.path()), before);
}

TEST(WriteFingerprint, of_a_disk_changes_with_a_write) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  const std::string before = fingerprint(loop.path());
  write_to(loop.path());
  EXPECT_NE(fingerprint(loop.path()), before);
}

TEST(SectorsChanged, counts_what_is_written) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  const dev_t dev = probe(loop.path()).dev;
  const auto before = sectors_changed(dev);
  write_to(loop.path());
  EXPECT_EQ(sectors_changed(dev), before.value() + 8);
}

TEST(WriteFingerprint, of_a_disk_changes_with_a_discard) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  const std::string before = fingerprint(loop.path());
  ASSERT_EQ(open_device(loop.path(), Access::kReadWrite)->write_zeroes(0, kSize),
            std::error_code());
  EXPECT_NE(fingerprint(loop.path()), before);
}

TEST(WriteFingerprint, of_another_disk_under_the_same_number_differs) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  std::string before;
  {
    const LoopDevice loop(path);
    before = fingerprint(loop.path());
  }
  const LoopDevice again(path);
  EXPECT_NE(fingerprint(again.path()), before);
}

TEST(WriteFingerprint, of_a_partition_changes_with_a_write_through_the_whole_disk) {
  const TemporaryFolder folder;
  LoopDevice loop(folder.file("disk", kSize));
  const std::string part = loop.add_partition(kSize / 2, kSize / 2);
  const std::string before = fingerprint(part);
  EXPECT_EQ(fingerprint(part), before);
  write_to(loop.path());
  EXPECT_NE(fingerprint(part), before);
}

TEST(WriteFingerprint, of_a_file_that_is_only_read_stays) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  const std::string before = fingerprint(path);
  test::read_file(path);
  EXPECT_EQ(fingerprint(path), before);
}

TEST(WriteFingerprint, of_a_file_changes_with_a_write_right_behind_it) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  write_to(path);
  const std::string before = fingerprint(path);
  write_to(path);
  EXPECT_NE(fingerprint(path), before);
}

TEST(WriteFingerprint, of_a_file_changes_though_its_time_is_put_back) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  struct stat facts{};
  ASSERT_EQ(stat(path.c_str(), &facts), 0);
  const std::string before = fingerprint(path);
  write_to(path);
  const timespec times[2] = {facts.st_atim, facts.st_mtim};
  ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  EXPECT_NE(fingerprint(path), before);
}

}  // namespace
}  // namespace dmjob::io

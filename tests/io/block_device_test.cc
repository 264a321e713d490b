// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/block_device.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>

#include "tests/io/temporary.h"

namespace dmjob::io {
namespace {

using test::aligned;
using test::LoopDevice;
using test::pattern;
using test::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::Property;
using ::testing::ThrowsMessage;

constexpr std::uint64_t kSize = 1 << 20;

std::uint64_t allocated(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) throw_last_error(path);
  return static_cast<std::uint64_t>(facts.st_blocks) * 512;
}

// Waits for all in flight.
std::vector<Request*> reap_all(RequestQueue& queue) {
  std::vector<Request*> all;
  while (queue.in_flight() > 0) {
    pollfd event{queue.fd(), POLLIN, 0};
    poll(&event, 1, -1);
    for (Request* request : queue.reap()) all.push_back(request);
  }
  return all;
}

Request request(Request::Kind kind, std::uint64_t offset, AlignedBuffer& buffer) {
  Request made;
  made.kind = kind;
  made.offset = offset;
  made.buffer = buffer.bytes();
  return made;
}

TEST(BlockDevice, a_file_is_opened_with_its_exact_size) {
  const TemporaryFolder folder;
  const auto device = open_device(folder.file("odd", kSize + 1), Access::kRead);
  EXPECT_TRUE(device->is_file());
  EXPECT_EQ(device->size(), kSize + 1);
  EXPECT_GE(device->alignment(), 512u);
}

TEST(BlockDevice, what_is_written_is_read_back_past_the_page_cache) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  const auto device = open_device(path, Access::kReadWrite);
  const AlignedBuffer written = aligned(pattern(65536, 1));
  EXPECT_EQ(device->write(8192, written.bytes()), std::error_code());
  AlignedBuffer found(65536);
  EXPECT_EQ(device->read(8192, found.bytes()), std::error_code());
  EXPECT_TRUE(std::ranges::equal(found.bytes(), written.bytes()));
  EXPECT_EQ(device->flush(), std::error_code());
}

TEST(BlockDevice, the_partial_block_of_a_file_reads_with_zeroes_behind) {
  const TemporaryFolder folder;
  const std::string path = folder.file("odd", kSize + 1);
  test::write_file(path, pattern(1, 0), kSize);
  const auto device = open_device(path, Access::kRead);
  AlignedBuffer block = aligned(pattern(4096, 9));
  EXPECT_EQ(device->read(kSize, block.bytes()), std::error_code());
  EXPECT_EQ(block.bytes()[0], std::byte{1});
  EXPECT_EQ(block.bytes()[1], std::byte{0});
  EXPECT_EQ(block.bytes()[4095], std::byte{0});
}

TEST(BlockDevice, writing_the_partial_block_leaves_the_file_its_size) {
  const TemporaryFolder folder;
  const std::string path = folder.file("odd", kSize + 1);
  const auto device = open_device(path, Access::kReadWrite);
  const AlignedBuffer block = aligned(pattern(4096, 9));
  EXPECT_EQ(device->write(kSize, block.bytes()), std::error_code());
  EXPECT_EQ(std::filesystem::file_size(path), kSize + 1);
  EXPECT_EQ(test::read_file(path).back(), block.bytes()[0]);
}

TEST(BlockDevice, a_read_behind_the_end_is_an_error) {
  const TemporaryFolder folder;
  const auto device = open_device(folder.file("disk", kSize), Access::kRead);
  AlignedBuffer block(4096);
  EXPECT_EQ(device->read(kSize, block.bytes()), std::errc::io_error);
}

TEST(BlockDevice, zeroes_in_a_file_are_a_hole) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  const auto device = open_device(path, Access::kReadWrite);
  ASSERT_EQ(device->write(0, aligned(pattern(kSize, 1)).bytes()), std::error_code());
  ASSERT_EQ(device->write_zeroes(65536, kSize - 65536), std::error_code());
  EXPECT_LE(allocated(path), 65536u + 4096);
  EXPECT_EQ(std::filesystem::file_size(path), kSize);
  EXPECT_EQ(test::read_file(path)[65536], std::byte{0});
  EXPECT_NE(test::read_file(path)[65528], std::byte{0});
}

TEST(BlockDevice, requests_are_done_in_the_background) {
  const TemporaryFolder folder;
  const auto device = open_device(folder.file("disk", kSize), Access::kReadWrite);
  const auto queue = device->make_queue(4);
  AlignedBuffer written = aligned(pattern(65536, 1)), found(65536);
  Request write = request(Request::Kind::kWrite, 0, written);
  queue->submit(write);
  EXPECT_EQ(queue->in_flight(), 1u);
  EXPECT_EQ(reap_all(*queue), std::vector<Request*>{&write});
  Request read = request(Request::Kind::kRead, 0, found);
  queue->submit(read);
  reap_all(*queue);
  EXPECT_EQ(read.result, std::error_code());
  EXPECT_TRUE(std::ranges::equal(found.bytes(), written.bytes()));
}

TEST(BlockDevice, background_requests_know_the_partial_block_too) {
  const TemporaryFolder folder;
  const std::string path = folder.file("odd", kSize + 1);
  const auto device = open_device(path, Access::kReadWrite);
  const auto queue = device->make_queue(1);
  AlignedBuffer block = aligned(pattern(4096, 1));
  Request write = request(Request::Kind::kWrite, kSize, block);
  queue->submit(write);
  reap_all(*queue);
  EXPECT_EQ(write.result, std::error_code());
  EXPECT_EQ(std::filesystem::file_size(path), kSize + 1);
  Request read = request(Request::Kind::kRead, kSize, block);
  queue->submit(read);
  reap_all(*queue);
  EXPECT_EQ(read.result, std::error_code());
  EXPECT_EQ(block.bytes()[1], std::byte{0});
}

TEST(BlockDevice, a_background_request_that_cannot_be_started_comes_back_with_its_error) {
  const TemporaryFolder folder;
  const auto device = open_device(folder.file("disk", kSize), Access::kRead);
  const auto queue = device->make_queue(2);
  AlignedBuffer block(4096);
  Request write = request(Request::Kind::kWrite, 0, block);
  Request behind = request(Request::Kind::kRead, kSize, block);
  queue->submit(write);
  queue->submit(behind);
  EXPECT_EQ(reap_all(*queue).size(), 2u);
  EXPECT_EQ(write.result, std::errc::bad_file_descriptor);
  EXPECT_EQ(behind.result, std::errc::io_error);
}

TEST(BlockDevice, a_queue_waits_for_what_is_in_flight_before_it_goes) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  const auto device = open_device(path, Access::kReadWrite);
  AlignedBuffer written = aligned(pattern(kSize, 1));
  Request write = request(Request::Kind::kWrite, 0, written);
  device->make_queue(1)->submit(write);
  EXPECT_TRUE(std::ranges::equal(test::read_file(path), written.bytes()));
}

TEST(BlockDevice, what_is_neither_disk_nor_file_is_refused) {
  EXPECT_THAT([] { open_device("/dev/null", Access::kRead); },
              ThrowsMessage<std::system_error>(HasSubstr("/dev/null: neither a disk")));
  EXPECT_THAT([] { open_device("/nonexistent/disk", Access::kRead); },
              ThrowsMessage<std::system_error>(HasSubstr("/nonexistent/disk")));
}

// /proc has regular files without direct I/O on any kernel.
TEST(BlockDevice, a_file_system_without_direct_io_is_refused) {
  EXPECT_THAT([] { open_device("/proc/version", Access::kRead); },
              ThrowsMessage<std::system_error>(HasSubstr("does not support direct I/O")));
}

TEST(BlockDevice, a_disk_is_opened_by_its_number) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  const auto device = open_device(loop.dev(), Access::kReadWrite);
  EXPECT_EQ(device->path(), loop.path());
  EXPECT_EQ(device->size(), kSize);
  EXPECT_EQ(device->alignment(), 512u);
  EXPECT_FALSE(device->is_file());
}

TEST(BlockDevice, a_number_that_nobody_has_is_an_error) {
  EXPECT_THROW(device_path(makedev(7, 99999)), std::system_error);
}

TEST(BlockDevice, a_disk_is_written_zeroed_and_flushed) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  const LoopDevice loop(path);
  const auto device = open_device(loop.path(), Access::kReadWrite);
  auto expected = pattern(kSize, 1);
  ASSERT_EQ(device->write(0, aligned(expected).bytes()), std::error_code());
  ASSERT_EQ(device->write_zeroes(512, 65536), std::error_code());
  ASSERT_EQ(device->flush(), std::error_code());
  std::fill_n(expected.begin() + 512, 65536, std::byte{0});
  AlignedBuffer found(kSize);
  ASSERT_EQ(device->read(0, found.bytes()), std::error_code());
  EXPECT_TRUE(std::ranges::equal(found.bytes(), expected));
}

TEST(BlockDevice, a_disk_that_is_gone_gives_errors) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  const LoopDevice loop(path);
  const auto device = open_device(loop.path(), Access::kReadWrite);
  std::filesystem::resize_file(path, 0);
  AlignedBuffer block(4096);
  EXPECT_TRUE(device->read(0, block.bytes()));
}

}  // namespace
}  // namespace dmjob::io

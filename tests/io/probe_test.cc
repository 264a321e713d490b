// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/probe.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "libjob/io/sysfs.h"
#include "tests/io/temporary.h"

namespace dmjob::io {
namespace {

using test::LoopDevice;
using test::TemporaryFolder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kSize = 16 << 20;
constexpr std::string_view kLuksHead("LUKS\xba\xbe\0\1", 8);

void run(const std::string& command) {
  ASSERT_EQ(std::system((command + " >/dev/null 2>&1").c_str()), 0) << command;
}

void put(const std::string& path, std::uint64_t offset, std::string_view text) {
  test::write_file(path, std::as_bytes(std::span(text)), offset);
}

// An MBR with one partition from sector 2048 on, of 8 MiB.
void put_partition_table(const std::string& path) {
  std::array<std::byte, 512> sector{};
  const std::array<unsigned char, 16> entry{0, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 0x40, 0, 0};
  std::memcpy(&sector[446], entry.data(), entry.size());
  sector[510] = std::byte{0x55};
  sector[511] = std::byte{0xAA};
  test::write_file(path, sector);
}

// Mounts for the scope.
class Mounted {
 public:
  Mounted(const std::string& device, const std::string& point) : point_(point) {
    std::filesystem::create_directory(point);
    EXPECT_EQ(mount(device.c_str(), point.c_str(), "ext4", 0, nullptr), 0)
        << "this test needs root and ext4: " << std::strerror(errno);
  }
  ~Mounted() { umount2(point_.c_str(), MNT_DETACH); }

 private:
  std::string point_;
};

TEST(Probe, a_file_says_what_it_is) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", 12345);
  const ProbeResult result = probe(path);
  EXPECT_EQ(result.kind, Kind::kFile);
  EXPECT_EQ(result.size, 12345u);
  EXPECT_NE(result.inode, 0u);
  EXPECT_EQ(result.name, "");
  EXPECT_EQ(result.signature, "");
  EXPECT_FALSE(result.read_only);
}

TEST(Probe, an_empty_disk_says_so) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  const ProbeResult result = probe(loop.path());
  EXPECT_EQ(result.kind, Kind::kBlockDevice);
  EXPECT_EQ(result.name, loop.name());
  EXPECT_EQ(result.dev, loop.dev());
  EXPECT_EQ(result.size, kSize);
  EXPECT_EQ(result.logical_block_size, 512u);
  EXPECT_EQ(result.signature, "");
  EXPECT_THAT(result.mounted_on, IsEmpty());
  EXPECT_THAT(result.holders, IsEmpty());
  EXPECT_FALSE(result.held_exclusively);
  EXPECT_FALSE(result.read_only);
}

TEST(Probe, what_is_neither_is_refused) {
  EXPECT_THROW(probe("/dev/null"), std::system_error);
  EXPECT_THROW(probe("/nonexistent"), std::system_error);
  EXPECT_THROW(probe("/tmp"), std::system_error);
}

TEST(Probe, a_read_only_disk_says_so) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  const Fd fd(open(loop.path().c_str(), O_RDONLY | O_CLOEXEC));
  const int on = 1;
  ASSERT_EQ(ioctl(fd.get(), BLKROSET, &on), 0);
  EXPECT_TRUE(probe(loop.path()).read_only);
  const int off = 0;
  ASSERT_EQ(ioctl(fd.get(), BLKROSET, &off), 0);
}

TEST(Probe, signatures_are_named) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  run("mkfs.ext4 -q " + path);
  EXPECT_EQ(probe(path).signature, "ext4");
  std::filesystem::resize_file(path, 0);
  std::filesystem::resize_file(path, kSize);
  run("mkswap " + path);
  EXPECT_EQ(probe(path).signature, "swap");
}

TEST(Probe, a_partition_table_is_a_signature) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  put_partition_table(path);
  EXPECT_EQ(probe(path).signature, "dos");
}

TEST(Probe, an_encrypted_disk_is_known) {
  const TemporaryFolder folder;
  const std::string luks = folder.file("luks", kSize);
  put(luks, 0, kLuksHead);
  EXPECT_EQ(probe(luks).signature, "crypto_LUKS");
}

TEST(Probe, several_signatures_are_not_an_empty_disk) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  run("mkfs.ext4 -q " + path);
  put(path, 0, kLuksHead);
  EXPECT_THAT(probe(path).signature, ::testing::HasSubstr("ext4"));
  EXPECT_THAT(probe(path).signature, ::testing::HasSubstr("crypto_LUKS"));
}

TEST(Probe, a_mounted_disk_names_its_mount_point) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  run("mkfs.ext4 -q " + path);
  const LoopDevice loop(path);
  const Mounted mounted(loop.path(), folder.path() + "/a mount");
  const ProbeResult result = probe(loop.path());
  EXPECT_THAT(result.mounted_on, ElementsAre(folder.path() + "/a mount"));
  EXPECT_TRUE(result.held_exclusively);
  EXPECT_EQ(result.signature, "ext4");
}

TEST(Probe, a_whole_disk_names_the_mount_points_of_its_partitions) {
  const TemporaryFolder folder;
  LoopDevice loop(folder.file("disk", kSize));
  const std::string part = loop.add_partition(kSize / 4, kSize / 2);
  run("mkfs.ext4 -q " + part);
  const Mounted mounted(part, folder.path() + "/mount");
  EXPECT_THAT(probe(part).mounted_on, ElementsAre(folder.path() + "/mount"));
  EXPECT_THAT(probe(loop.path()).mounted_on, ElementsAre(folder.path() + "/mount"));
  EXPECT_TRUE(probe(loop.path()).held_exclusively);
}

TEST(Probe, a_file_under_a_loop_device_names_it) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  const LoopDevice loop(path);
  EXPECT_THAT(probe(path).holders, ElementsAre(loop.name()));
}

TEST(DeviceStack, a_partition_stands_on_its_disk) {
  const TemporaryFolder folder;
  LoopDevice loop(folder.file("disk", kSize));
  const dev_t part = probe(loop.add_partition(kSize / 4, kSize / 2)).dev;
  EXPECT_THAT(stands_on(part), Contains(loop.dev()));
  EXPECT_TRUE(overlaps(part, loop.dev()));
  EXPECT_TRUE(overlaps(loop.dev(), part));
}

TEST(DeviceStack, a_loop_device_stands_on_the_disk_below) {
  const TemporaryFolder folder;
  const LoopDevice lower(folder.file("disk", kSize));
  const LoopDevice upper(lower.path());
  EXPECT_THAT(stands_on(upper.dev()), Contains(lower.dev()));
  EXPECT_TRUE(overlaps(upper.dev(), lower.dev()));
}

TEST(DeviceStack, a_loop_device_stands_on_the_disk_of_its_file) {
  const TemporaryFolder folder;
  const std::string image = folder.file("disk", kSize);
  run("mkfs.ext4 -q " + image);
  const LoopDevice lower(image);
  const Mounted mounted(lower.path(), folder.path() + "/mount");
  const std::string path = folder.file("mount/inner", kSize / 4);
  EXPECT_EQ(probe(path).dev, lower.dev());
  const LoopDevice upper(path);
  EXPECT_THAT(stands_on(upper.dev()), Contains(lower.dev()));
}

TEST(DeviceStack, two_disks_do_not_overlap) {
  const TemporaryFolder folder;
  const LoopDevice one(folder.file("one", kSize));
  const LoopDevice two(folder.file("two", kSize));
  EXPECT_FALSE(overlaps(one.dev(), two.dev()));
  EXPECT_TRUE(overlaps(one.dev(), one.dev()));
}

TEST(DeviceStack, an_unknown_device_stands_on_itself) {
  EXPECT_THAT(stands_on(makedev(7, 99999)), ElementsAre(makedev(7, 99999)));
}

}  // namespace
}  // namespace dmjob::io

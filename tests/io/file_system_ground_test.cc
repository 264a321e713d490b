// SPDX-License-Identifier: LGPL-2.1-or-later
// What a file system lies on, from a line of mountinfo. btrfs, which is asked itself: tests/kernel.
#include "libjob/io/file_system_ground.h"

#include <gmock/gmock.h>
#include <sys/sysmacros.h>

#include <filesystem>

#include "libjob/io/geometry.h"
#include "tests/support/temp_folder.h"

namespace dmjob::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Ground ground(const std::string& type, const std::string& source, const std::string& options = "rw",
              dev_t number = makedev(0, 40)) {
  return ground_of({.id = "36",
                    .number = "0:40",
                    .point = "/mnt",
                    .type = type,
                    .source = source,
                    .options = options},
                   "/mnt", number);
}

TEST(FileSystemGround, of_one_with_a_number_is_its_disk) {
  const Ground found = ground("ext4", "/dev/whatever", "rw", makedev(8, 1));
  EXPECT_THAT(found.disks, ElementsAre(makedev(8, 1)));
  EXPECT_EQ(found.unknown, "");
}

TEST(FileSystemGround, of_memory_and_other_hosts_is_none) {
  for (const char* const type : {"tmpfs", "nfs4", "virtiofs", "hostfs", "fuse.sshfs"}) {
    const Ground found = ground(type, "somewhere:/x", "rw,addr=192.0.2.1");
    EXPECT_THAT(found.disks, IsEmpty());
    EXPECT_EQ(found.unknown, "");
  }
}

TEST(FileSystemGround, that_a_host_serves_to_itself_is_not_known) {
  EXPECT_EQ(ground("nfs4", "localhost:/x", "rw,vers=4.2,addr=127.0.0.1").unknown,
            "/mnt is of type nfs4, served by this host itself");
  EXPECT_THAT(ground("nfs", "[::1]:/x", "rw,addr=::1").unknown, HasSubstr("this host itself"));
}

TEST(FileSystemGround, of_a_kind_that_hides_it_is_not_known) {
  EXPECT_EQ(ground("fuse.mergerfs", "a:b").unknown, "/mnt is of type fuse.mergerfs");
  EXPECT_EQ(ground("zfs", "tank/data").unknown, "/mnt is of type zfs");
}

TEST(FileSystemGround, of_several_disks_is_known_only_if_all_are) {
  EXPECT_EQ(ground("bcachefs", "/dev/is/not:/dev/there").unknown, "/mnt is of type bcachefs");
}

TEST(FileSystemGround, of_a_log_of_its_own_is_known_only_if_that_is) {
  EXPECT_THAT(ground("xfs", "/dev/x", "rw,logdev=/dev/is/not/there", makedev(8, 1)).unknown,
              HasSubstr(", with logdev /dev/is/not/there"));
}

TEST(FileSystemGround, of_an_overlayfs_are_its_folders) {
  const test::TempFolder folder;
  for (const char* const name : {"a:b", "c d", "e,f", "up", "work"})
    std::filesystem::create_directory(folder.path(name));
  const std::string options = "rw,lowerdir=" + folder.path("a") + "\\134:b:" + folder.path("c") +
                              "\\040d::" + folder.path("e") +
                              "\\054f,upperdir=" + folder.path("up") +
                              ",workdir=" + folder.path("work");
  const Ground found = ground("overlay", "overlay", options);
  EXPECT_THAT(found.folders, ElementsAre(folder.path("a:b"), folder.path("c d"), folder.path("e,f"),
                                         folder.path("up"), folder.path("work")));
  EXPECT_EQ(found.unknown, "");
}

// As newer kernels tell them.
TEST(FileSystemGround, of_an_overlayfs_are_its_folders_one_by_one) {
  const test::TempFolder folder;
  std::filesystem::create_directory(folder.path("a:b"));
  const Ground found = ground("overlay", "overlay", "ro,lowerdir+=" + folder.path("a:b"));
  EXPECT_THAT(found.folders, ElementsAre(folder.path("a:b")));
}

TEST(FileSystemGround, of_an_overlayfs_of_another_root_is_not_known) {
  EXPECT_EQ(ground("overlay", "overlay", "rw,lowerdir=/is/not/there").unknown,
            "/mnt is of type overlay, made of /is/not/there, which cannot be found");
  EXPECT_THAT(ground("overlay", "overlay", "rw,lowerdir=relative").unknown, HasSubstr("relative"));
  EXPECT_EQ(ground("overlay", "overlay").unknown, "/mnt is of type overlay");
}

TEST(Geometry, says_what_a_disk_lacks) {
  ProbeResult disk;
  disk.size = 1 << 20;
  disk.logical_block_size = 4096;
  EXPECT_EQ(geometry_fault(disk, {}), "");
  EXPECT_THAT(geometry_fault(disk, {.block = 512}),
              HasSubstr("has logical blocks of 4096 bytes, the volume of 512"));
  EXPECT_EQ(geometry_fault(disk, {.bytes = 2 << 20}),
            "is too small: 1048576 bytes, needed are 2097152");
  disk.read_only = true;
  EXPECT_EQ(geometry_fault(disk, {}), "is read-only");
  EXPECT_EQ(geometry_fault(disk, {.written = false}), "");
  disk.zoned = true;
  EXPECT_THAT(geometry_fault(disk, {.written = false}), HasSubstr("is a zoned disk"));
}

}  // namespace
}  // namespace dmjob::io

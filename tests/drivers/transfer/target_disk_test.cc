// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/transfer/target_disk.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_folder.h"

namespace dmjob::drivers {
namespace {

struct TargetFile : testing::Test {
  test::TempFolder folder;
  const std::string path = folder.path("file");
  void make(const std::string& name) const { std::ofstream(folder.path(name)).close(); }
};

TEST_F(TargetFile, IsTheSameAsLongAsItIsThere) {
  make("file");
  const std::string known = file_identity(path);
  EXPECT_TRUE(is_same_file(known, path));
  std::filesystem::remove(path);
  EXPECT_FALSE(is_same_file(known, path));
  EXPECT_EQ(file_identity(path), "");
}

TEST_F(TargetFile, IsNotAnotherInItsPlace) {
  make("file");
  make("other");
  const std::string known = file_identity(path);
  std::filesystem::rename(folder.path("other"), path);
  EXPECT_FALSE(is_same_file(known, path));
}

// The numbers of devices are others then.
TEST_F(TargetFile, IsKnownByItsInodeAfterABoot) {
  make("file");
  EXPECT_TRUE(is_same_file("another-boot 999 " + file_inode(path), path));
  EXPECT_FALSE(is_same_file("another-boot 999 1" + file_inode(path), path));
  EXPECT_FALSE(is_same_file(io::boot_id() + " 999 " + file_inode(path), path));
}

}  // namespace
}  // namespace dmjob::drivers

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/loop_device.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <filesystem>

#include "libjob/io/disk_identity.h"
#include "tests/io/temporary.h"

namespace dmjob::io {
namespace {

using test::TemporaryFolder;

constexpr std::uint64_t kSize = 1 << 20;

int set_read_only(const std::string& path, int on) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return ioctl(fd.get(), BLKROSET, &on);
}

TEST(LoopDevice, is_the_same_for_all_who_ask_for_its_file) {
  const TemporaryFolder folder;
  const std::string file = folder.file("scratch", kSize);
  const LoopDevice one = LoopDevice::over(file);
  const LoopDevice other = LoopDevice::over(file);
  EXPECT_EQ(one.path(), other.path());
}

// The kernel gives out the free device with the lowest number: most likely the one of before.
TEST(LoopDevice, can_be_written_whoever_had_it_before) {
  const TemporaryFolder folder;
  std::string before;
  {
    const LoopDevice loop = LoopDevice::over(folder.file("one", kSize));
    before = loop.path();
    ASSERT_EQ(set_read_only(before, 1), 0);
  }
  const LoopDevice loop = LoopDevice::over(folder.file("other", kSize));
  const Fd fd(open(loop.path().c_str(), O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(pwrite(fd.get(), "x", 1, 0), 1);
  EXPECT_EQ(set_read_only(before, 0), 0);  // if it was another
}

TEST(LoopDevice, of_a_file_that_is_not_there_is_an_error_that_names_it) {
  EXPECT_THAT([] { LoopDevice::over("/nonexistent"); },
              testing::ThrowsMessage<std::system_error>("/nonexistent: No such file or directory"));
}

// --- one that somebody else has set up ---

class ForeignLoop {
 public:
  ForeignLoop(const std::string& file, std::uint64_t offset, std::uint64_t limit,
              std::uint32_t flags = 0)
      : loop_(file, {offset, limit, flags}) {
    if ((flags & LO_FLAGS_READ_ONLY) == 0) let_write();
  }
  // Read-only it would stay so for whoever has the device next.
  ~ForeignLoop() { let_write(); }
  ForeignLoop(const ForeignLoop&) = delete;
  ForeignLoop& operator=(const ForeignLoop&) = delete;
  const std::string& path() const { return loop_.path(); }

 private:
  void let_write() const { EXPECT_EQ(set_read_only(path(), 0), 0); }

  test::LoopDevice loop_;
};

TEST(LoopDevice, takes_none_that_is_only_a_part_of_the_file) {
  const TemporaryFolder folder;
  const std::string file = folder.file("scratch", kSize);
  const ForeignLoop behind(file, 4096, 0);
  const ForeignLoop begin(file, 0, kSize / 2);
  const ForeignLoop sealed(file, 0, 0, LO_FLAGS_READ_ONLY);
  const LoopDevice loop = LoopDevice::over(file);
  EXPECT_THAT(loop.path(), testing::AllOf(testing::Ne(behind.path()), testing::Ne(begin.path()),
                                          testing::Ne(sealed.path())));
}

TEST(LoopDevice, takes_none_from_before_the_file_grew) {
  const TemporaryFolder folder;
  const std::string file = folder.file("scratch", kSize);
  const ForeignLoop small(file, 0, 0);
  std::filesystem::resize_file(file, 2 * kSize);
  EXPECT_NE(LoopDevice::over(file).path(), small.path());
}

TEST(LoopDevice, is_not_taken_for_that_of_another_file_that_had_its_path) {
  const TemporaryFolder folder;
  const std::string file = folder.file("scratch", kSize);
  const ForeignLoop old(file, 0, 0);
  std::filesystem::rename(file, file + "-moved");
  folder.file("scratch", kSize);
  EXPECT_NE(LoopDevice::over(file).path(), old.path());
  EXPECT_EQ(LoopDevice::over(file + "-moved").path(), old.path());
}

TEST(LoopDevice, parts_of_a_file_are_different_disks_and_so_is_a_new_file_of_its_name) {
  const TemporaryFolder folder;
  const std::string file = folder.file("disk", kSize);
  const ForeignLoop whole(file, 0, 0);
  const ForeignLoop part(file, 4096, 0);
  const std::string known = identify_disk(whole.path()).lasting;
  EXPECT_NE(known, identify_disk(part.path()).lasting);
  EXPECT_EQ(known, identify_disk(ForeignLoop(file, 0, 0).path()).lasting);
  std::filesystem::rename(file, file + "-moved");
  folder.file("disk", kSize);
  EXPECT_NE(known, identify_disk(ForeignLoop(file, 0, 0).path()).lasting);
}

}  // namespace
}  // namespace dmjob::io

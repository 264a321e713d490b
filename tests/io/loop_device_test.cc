// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/loop_device.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

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

}  // namespace
}  // namespace dmjob::io

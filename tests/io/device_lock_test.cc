// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/device_lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>

#include <cerrno>
#include <system_error>

#include "tests/io/temporary.h"

namespace dmjob::io {
namespace {

using test::LoopDevice;
using test::TemporaryFolder;
using Mode = DeviceLock::Mode;

constexpr std::uint64_t kSize = 1 << 20;

int refusal(const std::string& path, Mode mode) {
  try {
    const DeviceLock lock(path, mode);
    return 0;
  } catch (const std::system_error& e) {
    EXPECT_THAT(e.what(), ::testing::HasSubstr(path));
    return e.code().value();
  }
}

bool others_may_claim(const std::string& path) {
  return static_cast<bool>(Fd(open(path.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC)));
}

bool udev_may_probe(const std::string& path) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  return flock(fd.get(), LOCK_SH | LOCK_NB) == 0;
}

TEST(DeviceLock, an_exclusive_lock_keeps_others_and_udev_off_a_disk) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  const DeviceLock lock(loop.path(), Mode::kExclusive);
  EXPECT_FALSE(others_may_claim(loop.path()));
  EXPECT_FALSE(udev_may_probe(loop.path()));
  EXPECT_EQ(refusal(loop.path(), Mode::kExclusive), EBUSY);
}

TEST(DeviceLock, a_shared_lock_lets_the_kernel_claim_a_disk) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  const DeviceLock lock(loop.path(), Mode::kShared);
  EXPECT_TRUE(others_may_claim(loop.path()));
  EXPECT_FALSE(udev_may_probe(loop.path()));
  EXPECT_EQ(refusal(loop.path(), Mode::kShared), EBUSY);
}

TEST(DeviceLock, a_disk_that_is_claimed_is_refused) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  const Fd mount(open(loop.path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  EXPECT_EQ(refusal(loop.path(), Mode::kExclusive), EBUSY);
  EXPECT_EQ(refusal(loop.path(), Mode::kShared), 0);
}

TEST(DeviceLock, it_ends_with_its_scope) {
  const TemporaryFolder folder;
  const LoopDevice loop(folder.file("disk", kSize));
  {
    const DeviceLock lock(loop.path(), Mode::kExclusive);
  }
  EXPECT_TRUE(others_may_claim(loop.path()));
  EXPECT_TRUE(udev_may_probe(loop.path()));
}

TEST(DeviceLock, it_moves_with_its_owner) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  DeviceLock first(path, Mode::kExclusive);
  const DeviceLock second = std::move(first);
  EXPECT_EQ(refusal(path, Mode::kExclusive), EBUSY);
}

TEST(DeviceLock, a_file_is_locked_once) {
  const TemporaryFolder folder;
  const std::string path = folder.file("disk", kSize);
  const DeviceLock lock(path, Mode::kExclusive);
  EXPECT_EQ(refusal(path, Mode::kExclusive), EBUSY);
  EXPECT_EQ(refusal(path, Mode::kShared), EBUSY);
}

TEST(DeviceLock, what_is_neither_disk_nor_file_is_refused) {
  EXPECT_EQ(refusal("/dev/null", Mode::kShared), EINVAL);
  EXPECT_EQ(refusal("/nonexistent", Mode::kShared), ENOENT);
}

}  // namespace
}  // namespace dmjob::io

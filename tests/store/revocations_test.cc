// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/revocations.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "libjob/io/fd.h"
#include "tests/support/small_file_system.h"
#include "tests/support/temp_folder.h"

namespace dmjob::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Ids = std::vector<std::string>;

class RevocationsTest : public testing::Test {
 protected:
  // What the next start finds.
  Revocations::Loaded loaded() const { return Revocations(folder.path("")).load(); }
  std::string file() const { return folder.path("revoked"); }
  void damage(std::size_t copy) const {
    const io::Fd fd(::open(file().c_str(), O_WRONLY | O_CLOEXEC));
    const std::string bad = "X";
    ASSERT_EQ(
        pwrite(fd.get(), bad.data(), 1, static_cast<off_t>(copy * Revocations::kCopyBytes + 20)),
        1);
  }
  void revoke(const Ids& ids) {
    record.reserve();
    record.add(ids);
  }

  test::TempFolder folder;
  Revocations record{folder.path("")};
};

TEST_F(RevocationsTest, WithoutAFileNothingIsRevoked) {
  EXPECT_THAT(loaded().ids, IsEmpty());
  EXPECT_EQ(loaded().damage, "");
}

TEST_F(RevocationsTest, WhatIsRevokedIsFoundAtTheNextStart) {
  record.reserve();
  EXPECT_THAT(loaded().ids, IsEmpty());
  EXPECT_EQ(loaded().damage, "");
  record.add(Ids{"a", "b"});
  record.add(Ids{"b", "c"});
  EXPECT_THAT(loaded().ids, ElementsAre("a", "b", "c"));
}

TEST_F(RevocationsTest, ARevocationTakesNoRoomAndNoName) {
  record.reserve();
  const auto size = std::filesystem::file_size(file());
  record.add(Ids{"a"});
  EXPECT_EQ(std::filesystem::file_size(file()), size);
  EXPECT_EQ(size, 2 * Revocations::kCopyBytes);
}

TEST_F(RevocationsTest, AnotherReservationKeepsWhatWasRevoked) {
  revoke({"a"});
  Revocations next(folder.path(""));
  next.reserve();
  next.add(Ids{"b"});
  EXPECT_THAT(loaded().ids, ElementsAre("a", "b"));
}

TEST_F(RevocationsTest, OneWholeCopyIsEnough) {
  revoke({"a"});
  damage(0);
  EXPECT_THAT(loaded().ids, ElementsAre("a"));
  record.reserve();
  damage(1);
  EXPECT_THAT(loaded().ids, ElementsAre("a"));
  EXPECT_EQ(loaded().damage, "");
}

TEST_F(RevocationsTest, WithoutAWholeCopyNothingIsKnown) {
  revoke({"a"});
  damage(0);
  damage(1);
  EXPECT_THAT(loaded().damage, HasSubstr("revoked cannot be read"));
}

TEST_F(RevocationsTest, ADamagedFileIsMadeAnewForTheNextDecision) {
  record.reserve();
  damage(0);
  damage(1);
  Revocations next(folder.path(""));
  next.reserve();
  EXPECT_EQ(loaded().damage, "");
}

TEST_F(RevocationsTest, AFileThatWasRemovedOrReplacedIsMadeAnewForTheNextDecision) {
  revoke({"a"});
  std::filesystem::remove(file());
  record.reserve();
  EXPECT_THAT(loaded().ids, ElementsAre("a"));
  std::filesystem::remove(file());
  std::ofstream(file()) << "short";
  record.reserve();
  EXPECT_THAT(loaded().ids, ElementsAre("a"));
}

TEST_F(RevocationsTest, TheLatestAreKept) {
  record.reserve();
  for (std::size_t i = 0; i < Revocations::kMost + 7; i += 7) {
    Ids some;
    for (std::size_t more = 0; more < 7; ++more)
      some.push_back(std::string(28, '0') + std::to_string(1000 + i + more));
    record.add(some);
  }
  const Ids kept = loaded().ids;
  EXPECT_EQ(kept.size(), Revocations::kMost);
  EXPECT_THAT(kept.back(), HasSubstr("1412"));
}

// Some have no direct I/O (tmpfs before 6.6, ecryptfs); and a file system may be full by then.
TEST_F(RevocationsTest, AFileSystemOfMemoryThatIsFullTakesARevocation) {
  const test::SmallFileSystem small(folder.path("small"), 1 << 20);
  Revocations on_small(small.path(""));
  on_small.reserve();
  std::ofstream filler(small.path("filler"));
  filler << std::string(2 << 20, 'x') << std::flush;
  EXPECT_FALSE(filler);
  on_small.add(Ids{"a"});
  EXPECT_THAT(Revocations(small.path("")).load().ids, ElementsAre("a"));
}

TEST_F(RevocationsTest, NothingIsRevokedWithoutAReservation) {
  EXPECT_THROW(record.add(Ids{"a"}), std::system_error);
}

}  // namespace
}  // namespace dmjob::store

// SPDX-License-Identifier: LGPL-2.1-or-later
// A volume that is tracked all its life: what a backup's instant does to its logs, under a writer.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <set>

#include "dm/topology/backup_stack.h"
#include "tests/kernel/dm/stage.h"

namespace dmjob::dm {
namespace {

using testing::IsEmpty;

class TrackedVolumeKernelTest : public KernelStage {
 protected:
  static constexpr std::uint64_t kCowSectors = 96 << 10;

  void start_writer() {
    interpose();
    writer_ = std::make_unique<Writer>("/dev/mapper/vol");
  }
  void keep_writing(std::uint64_t writes = 100) {
    const auto until = writer_->acknowledged() + writes;
    EXPECT_TRUE(wait_for([&] { return writer_->acknowledged() > until; }));
  }
  void begin_backup() {
    target_disk.write(0, std::vector<std::byte>(kBlock));
    BackupStackSpec spec;
    spec.job = "b";
    spec.uuid = "b-uuid";
    spec.volume = "dmjob-j-base";
    spec.scratch = target_disk.dev();
    spec.cow_length = kCowSectors;
    spec.chunk = 8;
    backup_ = std::make_unique<BackupStack>(control, ledger, spec);
    backup_->build();
    const std::array<BackupStack*, 1> one{backup_.get()};
    BackupStack::interpose(one, stack->rotation(1));
  }
  std::vector<std::byte> contents(const std::string& name) {
    return open(name)->read(0, kSize * 512);
  }
  // Regions in which the two differ and that the log does not name.
  Regions missed(const std::vector<std::byte>& one, const std::vector<std::byte>& other, int log) {
    constexpr std::size_t kBytes = kRegion * 512;
    const Regions marked = marked_in_log(log);
    Regions missed;
    for (std::uint64_t region = 0; region < kRegions; ++region) {
      const auto at = static_cast<std::ptrdiff_t>(region * kBytes);
      const bool equal =
          std::equal(one.begin() + at, one.begin() + at + kBytes, other.begin() + at);
      if (!equal && !std::ranges::binary_search(marked, region)) missed.push_back(region);
    }
    return missed;
  }

  std::unique_ptr<Writer> writer_;
  std::unique_ptr<BackupStack> backup_;
};

TEST_F(TrackedVolumeKernelTest, EachLogNamesWhatWasWrittenOnItsSideOfTheInstant) {
  const std::vector<std::byte> before = source.read(0, kSize * 512);
  start_writer();
  keep_writing();
  begin_backup();
  keep_writing();
  const std::vector<std::byte> instant = contents("dmjob-b-snap");
  EXPECT_EQ(writer_->stop(), 0);
  EXPECT_EQ(backup_->status().state, SnapshotStatus::State::kValid);
  const std::vector<std::byte> after = contents("vol");
  EXPECT_NE(before, instant);
  EXPECT_NE(instant, after);
  EXPECT_THAT(missed(before, instant, 0), IsEmpty());
  EXPECT_THAT(missed(instant, after, 1), IsEmpty());
  const auto vol = open("vol");
  EXPECT_EQ(writer_->lost_on(*vol), 0U);
}

TEST_F(TrackedVolumeKernelTest, GoesOnTrackingWhenTheBackupIsTakenAway) {
  start_writer();
  begin_backup();
  const std::vector<std::byte> instant = contents("dmjob-b-snap");
  backup_->withdraw();
  keep_writing();
  EXPECT_EQ(writer_->stop(), 0);
  EXPECT_THAT(missed(instant, contents("vol"), 1), IsEmpty());
  EXPECT_EQ(writer_->lost_on(source), 0U);
}

TEST_F(TrackedVolumeKernelTest, MadeAtABootTracksItsFirstWrite) {
  write_log(0, true);
  stack = std::make_unique<CopyStack>(control, ledger, spec());
  stack->build_with_volume(
      {"vol", "", linear_table(kSize, source.dev()), Visibility::kPublic, false}, 0);
  EXPECT_EQ(open("vol")->write_block(0, 7), 0);
  EXPECT_EQ(marked_in_log(0), Regions{0});
  EXPECT_EQ(source.fill_of(0), 7);
}

}  // namespace
}  // namespace dmjob::dm

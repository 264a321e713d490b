// SPDX-License-Identifier: LGPL-2.1-or-later
// CopyStack under a volume that is written to all the time.
#include <gmock/gmock.h>

#include <future>
#include <ostream>
#include <thread>

#include "tests/kernel/dm/stage.h"

namespace dmjob::dm {
namespace {

using testing::IsEmpty;
using Kind = WriteMode::Kind;

class CopyStackKernelTest : public KernelStage {
 protected:
  std::vector<std::string> inner_devices() {
    std::vector<std::string> found;
    for (const Device& device : control.list()) {
      if (device.name.starts_with("dmjob-")) found.push_back(device.name);
    }
    return found;
  }
  // tgt goes last, by whoever has taken the target.
  void expect_nothing_left() {
    EXPECT_THAT(inner_devices(), testing::ElementsAre("dmjob-j-tgt"));
    HeldDisk(control, ledger, "j", "u").remove();
    EXPECT_THAT(inner_devices(), IsEmpty());
  }
  void start_writer() {
    make("vol", linear_table(kSize, source.dev()));
    writer_ = std::make_unique<Writer>("/dev/mapper/vol");
  }
  void keep_writing(std::uint64_t writes = 100) {
    const auto until = writer_->acknowledged() + writes;
    EXPECT_TRUE(wait_for([&] { return writer_->acknowledged() > until; }));
  }
  std::unique_ptr<Writer> writer_;
};

TEST_F(CopyStackKernelTest, BuildingReadsAndWritesNothingOfTheVolume) {
  make("vol", linear_table(kSize, source.dev()));
  write_log(0, true);
  const Traffic before = traffic_of(source.dev());
  stack = std::make_unique<CopyStack>(control, ledger, spec());
  HeldDisk(control, ledger, "j", "u").take(target, kSize);
  stack->build(0);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_EQ(traffic_of(source.dev()).read, before.read);
  EXPECT_EQ(traffic_of(source.dev()).written, before.written);
  EXPECT_EQ(control.table("vol"), linear_table(kSize, source.dev()));
}

TEST_F(CopyStackKernelTest, AWholeCopyUnderAWriterLosesNothing) {
  start_writer();
  interpose();
  keep_writing();
  copy_everything();
  stack->preload({Kind::kMirroring, 1});
  stack->switch_writes(SuspendMode::kFlush, [this] { write_log(1, true, marked_in_log(0)); });
  ASSERT_TRUE(wait_in_sync("dmjob-j-wr"));
  keep_writing();
  pivot(*stack, [this] { EXPECT_THAT(differences(), IsEmpty()); });
  keep_writing();
  EXPECT_EQ(writer_->stop(), 0);
  EXPECT_EQ(writer_->lost_on(target_disk), 0U);
  EXPECT_EQ(control.table("vol"), linear_table(kSize, target));
  stack->remove_inner();
  expect_nothing_left();
}

TEST_F(CopyStackKernelTest, InterposeAndWithdrawUnderAWriterLoseNothing) {
  start_writer();
  for (int i = 0; i < 5; ++i) {
    interpose();
    keep_writing(20);
    stack->withdraw(SuspendMode::kFlush);
    keep_writing(20);
  }
  EXPECT_EQ(writer_->stop(), 0);
  EXPECT_EQ(writer_->lost_on(source), 0U);
  expect_nothing_left();
}

TEST_F(CopyStackKernelTest, ManyRotationsMarkEveryWrite) {
  start_writer();
  interpose();
  copy_everything();
  std::vector<bool> dirty(kRegions);
  for (int round = 0; round < 6; ++round) {
    const int old = round % kLogs;
    const int next = (round + 1) % kLogs;
    write_log(next, true);
    stack->preload({Kind::kTracking, next});
    stack->switch_writes(SuspendMode::kFlush, [] {});
    for (const auto region : marked_in_log(old)) dirty[region] = true;
    keep_writing(30);
  }
  EXPECT_EQ(writer_->stop(), 0);
  for (const auto region : marked_in_log(0)) dirty[region] = true;
  for (const auto block : differences()) {
    EXPECT_TRUE(dirty[block / kRegionBlocks]) << block;
  }
}

TEST_F(CopyStackKernelTest, SoftCancelLeavesTheInstantOnTheTarget) {
  start_writer();
  be_ready();
  keep_writing();
  keep(*stack, [this] { EXPECT_THAT(differences(), IsEmpty()); });
  EXPECT_EQ(control.table("vol"), linear_table(kSize, source.dev()));
  expect_nothing_left();
  keep_writing();
  EXPECT_EQ(writer_->stop(), 0);
  EXPECT_EQ(writer_->lost_on(source), 0U);
  EXPECT_GT(writer_->lost_on(target_disk), 0U) << "later writes go to the source alone";
}

// ext4 clears this flag when it is frozen; a copy that has it needs its journal replayed.
TEST_F(CopyStackKernelTest, SoftCancelFreezesTheFileSystem) {
  constexpr std::size_t kIncompat = 1024 + 0x60;
  constexpr std::byte kNeedsRecovery{4};
  make("vol", linear_table(kSize, source.dev()));
  ASSERT_EQ(shell("mkfs.ext4 -q -F /dev/mapper/vol && mkdir -p /tmp/vol && "
                  "mount /dev/mapper/vol /tmp/vol"),
            0);
  be_ready();
  ASSERT_EQ(shell("cp /etc/services /tmp/vol/"), 0);
  EXPECT_EQ(target_disk.read(0, 4096)[kIncompat] & kNeedsRecovery, kNeedsRecovery);
  keep(*stack);
  EXPECT_EQ(target_disk.read(0, 4096)[kIncompat] & kNeedsRecovery, std::byte{0});
  expect_nothing_left();
  EXPECT_EQ(shell("umount /tmp/vol && mount -o ro /dev/mapper/target /tmp/vol && "
                  "cmp /etc/services /tmp/vol/services && umount /tmp/vol"),
            0);
}

TEST_F(CopyStackKernelTest, ForceWithdrawOfAFailedTargetLosesNoWrite) {
  start_writer();
  be_ready();
  keep_writing();
  break_device("target");
  EXPECT_TRUE(wait_for([this] { return !status("dmjob-j-wr").in_sync(); }));
  stack->withdraw(SuspendMode::kNoFlush);
  keep_writing();
  EXPECT_EQ(writer_->stop(), 0);
  EXPECT_EQ(writer_->lost_on(source), 0U);
}

// The target fails while the volume's last writes are waited for: the event's handler lets them go.
TEST_F(CopyStackKernelTest, APivotWhoseTargetFailsInTheLastMomentIsNone) {
  be_ready();
  const Table before = control.table("vol");
  const auto volume = open("vol");
  control.suspend("target", SuspendMode::kNoFlush);  // it hangs; a write is on its way
  auto write = std::async(std::launch::async, [&] { return volume->write_block(50, 0x55); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  auto pivot = std::async(std::launch::async, [this] {
    return error_of([this] { dm::pivot(*stack, [] { ADD_FAILURE() << "no commit point"; }); });
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  control.load("target", error_table(kSize));
  control.resume("target");  // and fails
  EXPECT_TRUE(wait_for([this] { return !status("dmjob-j-wr").in_sync(); }));
  stack->release_held_writes();
  EXPECT_EQ(pivot.get(), EIO);
  EXPECT_EQ(write.get(), 0);
  EXPECT_EQ(control.table("vol"), before);
  EXPECT_FALSE(control.find("vol")->suspended);
  EXPECT_EQ(source.fill_of(50), 0x55);
}

TEST_F(CopyStackKernelTest, AVolumeThatSomebodyElseHasRefreshedIsLeftAlone) {
  interpose();
  switch_to("vol", linear_table(kSize, target_disk.dev()), SuspendMode::kFlush);
  EXPECT_EQ(error_of([this] { stack->withdraw(SuspendMode::kFlush); }), ESTALE);
  EXPECT_EQ(control.table("vol"), linear_table(kSize, target_disk.dev()));
  expect_nothing_left();
}

// --- any table that a volume may have comes back to the letter ---

struct VolumeTable {
  const char* what;
  const char* text;  // S: the source, T: the scratch disk
};

void PrintTo(const VolumeTable& table, std::ostream* out) { *out << table.what; }

class AnyTable : public KernelStage, public testing::WithParamInterface<VolumeTable> {
 protected:
  Table table() {
    std::string text;
    for (const char* c = GetParam().text; *c != 0; ++c) {
      if (*c == 'S') {
        text += print_dev(source.dev());
      } else if (*c == 'T') {
        text += print_dev(scratch.dev());
      } else {
        text += *c;
      }
    }
    return Table::parse(text);
  }
};

TEST_P(AnyTable, IsRestoredToTheLetter) {
  make("vol", table());
  const Table before = control.table("vol");
  const auto volume = open("vol");
  EXPECT_EQ(volume->write_block(3, 0x61), 0);
  be_ready();
  EXPECT_EQ(volume->fill_of(3), 0x61);
  EXPECT_EQ(volume->write_block(4, 0x62), 0);
  keep(*stack);
  EXPECT_EQ(control.table("vol"), before);
  EXPECT_EQ(volume->fill_of(4), 0x62);
  EXPECT_EQ(target_disk.fill_of(4), 0x62);
}

INSTANTIATE_TEST_SUITE_P(
    Of, AnyTable,
    testing::Values(
        VolumeTable{"linear", "0 65536 linear S 128"},
        VolumeTable{"two_segments", "0 32768 linear S 2048\n32768 32768 linear T 65536"},
        VolumeTable{"striped", "0 65536 striped 2 128 S 0 T 65536"},
        VolumeTable{"crypt",
                    "0 65536 crypt aes-xts-plain64 "
                    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 0 S 128"},
        VolumeTable{"crypt_with_options",
                    "0 65536 crypt aes-xts-plain64 "
                    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 0 S 128 2 "
                    "allow_discards no_read_workqueue"}),
    [](const auto& row) { return std::string(row.param.what); });

}  // namespace
}  // namespace dmjob::dm

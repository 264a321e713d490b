// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The copy of a volume of 4 MiB in a fake kernel, from one loop device to another, with its scratch
// in a file. As root.
#pragma once

#include <gmock/gmock.h>

#include "dm/targets.h"
#include "libjob/drivers/live_copy.h"
#include "libjob/io/disk_identity.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ledger.h"
#include "tests/support/loop_disk.h"
#include "tests/support/temp_folder.h"

namespace dmjob::drivers {

class LiveCopyTest : public testing::Test {
 protected:
  using Kind = dm::WriteMode::Kind;
  static constexpr std::uint64_t kSize = 4 << 20;

  LiveCopyTest() {
    kernel.add_device("vol", dm::linear_table(kSize / 512, source.dev()));
    kernel.set_opened("vol", 1);
    kernel.set_number_to_come("dmjob-j-base", disk_of_base.dev());
    kernel.set_number_to_come("dmjob-j-tgt", disk_of_tgt.dev());
  }
  ~LiveCopyTest() override {
    EXPECT_THAT(kernel.violations(), testing::IsEmpty());
    EXPECT_THAT(kernel.suspended_devices(), testing::IsEmpty());
    copy.withdraw();
    EXPECT_THAT(kernel.names(), testing::ElementsAre("vol"));
    EXPECT_TRUE(ledger.empty());
  }

  CopyPlan make_plan() const {
    CopyPlan made;
    made.uuid = "0123456789abcdef0123456789abcdef";
    made.volume = "vol";
    made.source = "/dev/mapper/vol";
    made.target = target.path();
    made.target_disk = io::identify_disk(made.target);
    made.size = kSize;
    made.granularity = 65536;
    made.scratch = {ScratchPlace::Kind::kFile, folder.path("scratch"), 0};
    return made;
  }
  void track() { ASSERT_FALSE(copy.start()) << copy.target_trouble(); }
  void mirror() {
    track();
    ASSERT_FALSE(copy.hand_over());
    ASSERT_TRUE(copy.mirroring());
  }

  dev_t number(const std::string& part) { return kernel.find("dmjob-j-" + part)->dev; }
  dm::Table tracker(int log) {
    return dm::tracker_table(kSize / 512, number("log" + std::to_string(log)), 128, number("base"),
                             number("err"));
  }
  dm::Table writes() { return kernel.table("dmjob-j-wr"); }
  // The mirror can be left, and is by the guardian should this process die.
  void expect_way_back() {
    EXPECT_TRUE(copy.mirroring());
    EXPECT_EQ(kernel.inactive_table("dmjob-j-wr"), tracker(2));
    EXPECT_TRUE(ledger.watched("dmjob-j-wr"));
  }

  test::TempFolder folder;
  test::LoopDisk source{folder.path("source"), kSize};
  test::LoopDisk disk_of_base{folder.path("base"), kSize};
  test::LoopDisk disk_of_tgt{folder.path("tgt"), kSize};
  test::LoopDisk target{folder.path("target"), kSize};
  dm::FakeControl kernel;
  dm::FakeLedger ledger{kernel};
  test::FakeClock clock;
  io::CopyControl control;
  const CopyPlan plan = make_plan();
  ErrorMapFile map{"", ""};
  LiveCopy copy{kernel, ledger, clock, control, "j", plan, map};
};

}  // namespace dmjob::drivers

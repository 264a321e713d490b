// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A volume of 4 MiB in a fake kernel on a loop device, another one to copy it to, and a place for
// scratch in a file. As root.
#pragma once

#include <gmock/gmock.h>

#include "dm/targets.h"
#include "libjob/drivers/copy_plan.h"
#include "libjob/io/disk_identity.h"
#include "tests/support/fake_ledger.h"
#include "tests/support/loop_disk.h"
#include "tests/support/temp_folder.h"

namespace dmjob::drivers {

// Whatever happens, nothing stays suspended, and nothing is done that the rules forbid.
class CopyDisks : public testing::Test {
 protected:
  static constexpr std::uint64_t kSize = 4 << 20;

  CopyDisks() {
    kernel.add_device("vol", own_table());
    kernel.set_opened("vol", 1);
    kernel.set_number_to_come("dmjob-j-base", disk_of_base.dev());
    kernel.set_number_to_come("dmjob-j-tgt", io::probe(over_target.path()).dev);
  }
  ~CopyDisks() override {
    EXPECT_THAT(kernel.violations(), testing::IsEmpty());
    EXPECT_THAT(kernel.suspended_devices(), testing::IsEmpty());
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
  dm::Table own_table() const { return dm::linear_table(kSize / 512, source.dev()); }
  dev_t number(const std::string& part) { return kernel.find("dmjob-j-" + part)->dev; }
  dm::Table tracker(int log) {
    return dm::tracker_table(kSize / 512, number("log" + std::to_string(log)), 128, number("base"),
                             number("err"));
  }
  dm::Table writes() { return kernel.table("dmjob-j-wr"); }

  test::TempFolder folder;
  test::LoopDisk source{folder.path("source"), kSize};
  test::LoopDisk disk_of_base{folder.path("base"), kSize};
  test::LoopDisk target{folder.path("target"), kSize};
  io::LoopDevice over_target = io::LoopDevice::over(target.path());
  dm::FakeControl kernel;
  dm::FakeLedger ledger{kernel};
};

}  // namespace dmjob::drivers

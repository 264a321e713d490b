// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two disks of 4 MiB, a fake kernel, and a folder for scratch. As root.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/io/disk_identity.h"
#include "tests/support/fake_ledger.h"
#include "tests/support/loop_disk.h"
#include "tests/support/temp_folder.h"

namespace dmjob::drivers {

// Whatever happens, nothing stays suspended, nothing of the job is left in the kernel, and nothing
// is done that the rules forbid.
class TransferDisks : public testing::Test {
 protected:
  static constexpr std::uint64_t kSize = 4 << 20;

  TransferDisks() { kernel.set_number_to_come("dmjob-j-tgt", io::probe(over_target.path()).dev); }
  ~TransferDisks() override {
    EXPECT_THAT(kernel.violations(), testing::IsEmpty());
    EXPECT_THAT(kernel.suspended_devices(), testing::IsEmpty());
    EXPECT_EQ(kernel.names(), left_standing);
    EXPECT_TRUE(ledger.empty());
  }

  // From the source to the target.
  CopyPlan make_plan() const {
    CopyPlan made;
    made.uuid = "0123456789abcdef0123456789abcdef";
    made.source = source.path();
    made.target = target.path();
    made.source_disk = io::identify_disk(made.source);
    made.target_disk = io::identify_disk(made.target);
    made.size = kSize;
    made.granularity = 65536;
    made.scratch = {ScratchPlace::Kind::kFile, folder.path("scratch"), 0};
    return made;
  }
  bool has_failed_call() const {
    return std::ranges::any_of(kernel.log(),
                               [](const std::string& line) { return line.ends_with(" !"); });
  }
  // Those that change something, since the log was last cleared.
  int calls() const {
    int found = 0;
    for (const std::string& line : kernel.log())
      for (const char* kind : {"create ", "load ", "clear ", "suspend ", "resume ", "remove "})
        found += line.starts_with(kind) ? 1 : 0;
    return found;
  }

  test::TempFolder folder;
  test::LoopDisk source{folder.path("source"), kSize};
  test::LoopDisk target{folder.path("target"), kSize};
  // As the device that holds it: both count.
  io::LoopDevice over_target = io::LoopDevice::over(target.path());
  dm::FakeControl kernel;
  dm::FakeLedger ledger{kernel};
  std::vector<std::string> left_standing;  // in the kernel, at the end
};

}  // namespace dmjob::drivers
